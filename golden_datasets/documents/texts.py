"""What the files of the documents set say: letters, contracts, minutes and mails written for it."""

from __future__ import annotations

from collections.abc import Callable

from golden_datasets.cases import DocumentTruth, TrueBlock
from golden_datasets.documents import office, page

Made = tuple[bytes, DocumentTruth]
Maker = tuple[str, str, str, Callable[[], Made]]
"""File name, language, the traps in it, and what makes it."""


def _bulletin() -> Made:
    left: list[tuple[page.Kind, str]] = [
        ("title", "Late payment"),
        (
            "paragraph",
            "From 1 March 2025 the Harlow group pays undisputed invoices within thirty days. Interest runs at 4% above base rate on any sum paid late, and no further notice is needed.",
        ),
        (
            "paragraph",
            "Suppliers who accepted the former terms of sixty days keep them until their contract ends.",
        ),
    ]
    right: list[tuple[page.Kind, str]] = [
        ("title", "Data protection"),
        (
            "paragraph",
            "A breach must be notified within seventy-two hours, even where its extent is not yet known. The legal team keeps the register.",
        ),
        ("paragraph", "Questions go to the data protection officer, who answers within five working days."),
    ]
    return page.two_columns("Harlow Legal Bulletin", [left, right], "Harlow Foods plc - Bulletin 14")


def _bulletin_fr() -> Made:
    left: list[tuple[page.Kind, str]] = [
        ("title", "Facturation électronique"),
        (
            "paragraph",
            "Toutes les entreprises devront recevoir des factures électroniques à compter du 1er septembre 2026. L'émission sera imposée aux petites entreprises un an plus tard.",
        ),
    ]
    right: list[tuple[page.Kind, str]] = [
        ("title", "Congés payés"),
        (
            "paragraph",
            "Le salarié en arrêt maladie acquiert désormais deux jours ouvrables de congés par mois, dans la limite de vingt-quatre jours par an.",
        ),
        ("paragraph", "L'employeur l'informe de ses droits dans le mois de la reprise."),
    ]
    return page.two_columns("Lettre sociale et fiscale", [left, right], "Cabinet Audelis - Lettre n° 8")


def _lease_fr() -> Made:
    articles = [
        (
            "Article 1 - Objet",
            [
                "1.1 Le Bailleur donne à bail au Preneur les locaux situés 12 rue des Tilleuls à Lyon.",
                "1.2 Les locaux sont destinés à l'usage exclusif de bureaux.",
            ],
        ),
        ("Article 2 - Durée", ["2.1 Le bail est consenti pour neuf années à compter du 1er janvier 2022."]),
        (
            "Article 3 - Loyer",
            [
                "3.1 Le loyer annuel est fixé à 24 000 euros hors taxes et hors charges.",
                "3.2 Il est payable par trimestre et d'avance.",
            ],
        ),
        (
            "Article 4 - Travaux",
            [
                "4.1 Les grosses réparations restent à la charge du Bailleur.",
                "4.2 Le Preneur ne peut percer les murs porteurs sans accord écrit.",
            ],
        ),
        (
            "Article 5 - Résiliation",
            [
                "5.1 À défaut de paiement d'un seul terme, et un mois après un commandement resté sans effet, le bail est résilié de plein droit."
            ],
        ),
    ]
    preamble = "Entre la SCI du Port, ci-après « le Bailleur », et la société Les Tilleuls, ci-après « le Preneur », il a été convenu ce qui suit."
    return page.contract("Bail commercial", preamble, articles)


def _services_en() -> Made:
    articles = [
        ("1. Term", ["1.1 This Agreement starts on 1 February 2025 and runs for thirty-six months."]),
        (
            "2. Charges",
            [
                "2.1 The Customer shall pay each undisputed invoice within thirty days of receipt.",
                "2.2 Late sums bear interest at 4% a year.",
            ],
        ),
        ("3. Confidentiality", ["3.1 Neither party shall disclose the Confidential Information."]),
        (
            "4. Liability",
            [
                "4.1 Each party's liability is limited to the charges paid in the year.",
                "4.2 Nothing limits liability for death or personal injury.",
            ],
        ),
    ]
    return page.contract(
        "Services Agreement", "This Agreement is made between Castlegate Holdings and Lumio Ltd.", articles
    )


def _letter_fr() -> Made:
    first = [
        "Lyon, le 14 mars 2025",
        "Madame, Monsieur,",
        "Nous revenons vers vous au sujet des infiltrations constatées dans vos bureaux depuis le mois de novembre. L'expert les attribue à un défaut d'étanchéité des solins et évalue les travaux à 38 700 euros toutes taxes comprises.",
        "Le bailleur reconnaît le désordre mais refuse d'en supporter plus de la moitié.",
    ]
    second = [
        "Nous vous recommandons de faire désigner un expert judiciaire avant l'été. À défaut, la preuve de l'antériorité du désordre deviendrait difficile à rapporter.",
        "Nous vous prions d'agréer, Madame, Monsieur, l'expression de nos salutations distinguées.",
        "Claire Roux, avocat au barreau de Lyon",
    ]
    return page.letter(
        "CABINET ROUX & ASSOCIÉS - 8 quai Saint-Antoine, 69002 Lyon", "Toque 1147", [first, second]
    )


def _letter_en() -> Made:
    first = [
        "London, 10 March 2025",
        "Dear Mr Reardon,",
        "The seller's disclosure letter is two pages long and says nothing about the Cobalt claim. The claimant seeks damages of €1.2 million before the Commercial Court.",
    ]
    second = [
        "We would not exchange until the seller confirms in writing whether proceedings have been issued. Silence would leave you with a warranty claim against a company that will have no assets.",
        "Yours sincerely,",
        "Sarah Whitfield, partner",
    ]
    return page.letter(
        "WHITFIELD & CO - 3 Gray's Inn Square, London WC1R 5AH", "Regulated firm 61147", [first, second]
    )


def _minutes_docx() -> Made:
    return office.docx([
        ("title 1", "Minutes of the board meeting"),
        ("paragraph", "Held on 24 April 2025 at 14:00. Present: A. Cole (chair), J. Mehta, R. Stone."),
        ("title 2", "Dividend"),
        ("paragraph", "The board resolved to pay an interim dividend of 4p per share."),
        ("title 2", "Premises"),
        ("list_item", "The Bristol office will close by year end."),
        ("list_item", "The Norvane acquisition is deferred to June."),
        ("table", [["Site", "Rent", "Break date"], ["Bristol", "£31,000", "31 December 2025"], ["Leeds", "£24,000", "none"]]),
        ("paragraph", "There being no further business, the meeting closed at 16:40."),
    ])  # fmt: skip


def _engagement_docx() -> Made:
    return office.docx([
        ("title 1", "Lettre de mission"),
        ("paragraph", "Le cabinet établit les comptes annuels de la société Mirabel."),
        ("title 2", "Calendrier"),
        ("table", [["Étape", "Échéance"], ["Remise des pièces", "31 janvier"], ["Projet de comptes", "15 mars"]]),
        ("title 2", "Honoraires"),
        ("paragraph", "Les honoraires s'élèvent à 6 200 euros hors taxes."),
    ])  # fmt: skip


_HTML_FR = """<!DOCTYPE html>
<html lang="fr"><head><meta charset="utf-8"><title>Note interne</title>
<style>p { color: #333; }</style><script>var suivi = "ne pas lire";</script></head>
<body><!-- brouillon : ne pas diffuser -->
<h1>Note interne</h1>
<p>Le cabinet sera ferm&eacute; du 4 au 18&nbsp;ao&ucirc;t. <b>Les d&eacute;lais</b> continuent de courir.</p>
<h2>Permanence</h2>
<ul><li>Claire Roux, du 4 au 8 août</li><li>Paul Girard, du 11 au 18 août</li></ul>
<table><tr><th>Dossier</th><th>Échéance</th></tr><tr><td>Valmont</td><td>7 août</td></tr></table>
<p style="display:none">texte caché</p>
</body></html>
"""


_HTML_EN = """<html><head><title>Holiday cover</title></head><body>
<h1>Holiday cover</h1>
<p>The office closes on 24 December at noon.<br>Time limits keep running.</p>
<h2>Contacts</h2>
<ol><li>Sarah Whitfield, until 28&nbsp;December</li><li>Ben Ortiz, from 29&nbsp;December</li></ol>
</body></html>
"""


def _html_en() -> Made:
    cover, contacts = "Holiday cover", "Contacts"
    blocks = (
        TrueBlock(kind="title", text=cover),
        TrueBlock(
            kind="paragraph",
            text="The office closes on 24 December at noon. Time limits keep running.",
            section=cover,
        ),
        TrueBlock(kind="title", text=contacts, section=cover),
        TrueBlock(kind="list_item", text="Sarah Whitfield, until 28 December", section=contacts),
        TrueBlock(kind="list_item", text="Ben Ortiz, from 29 December", section=contacts),
    )
    return _HTML_EN.encode("latin-1"), DocumentTruth(blocks=blocks)


def _html_fr() -> Made:
    note, duty = "Note interne", "Permanence"
    blocks = (
        TrueBlock(kind="title", text=note),
        TrueBlock(
            kind="paragraph",
            text="Le cabinet sera fermé du 4 au 18 août. Les délais continuent de courir.",
            section=note,
        ),
        TrueBlock(kind="title", text=duty, section=note),
        TrueBlock(kind="list_item", text="Claire Roux, du 4 au 8 août", section=duty),
        TrueBlock(kind="list_item", text="Paul Girard, du 11 au 18 août", section=duty),
        TrueBlock(kind="table", text="Dossier Échéance\nValmont 7 août", section=duty),
    )
    return _HTML_FR.encode(), DocumentTruth(blocks=blocks)


_MAIL_FR = {
    "From": "Claire Roux <claire.roux@roux-associes.example>",
    "To": "Marc Delattre <m.delattre@lestilleuls.example>",
    "Date": "Fri, 14 Mar 2025 17:42:00 +0100",
    "Subject": "RE: Infiltrations - rapport définitif",
    "Message-ID": "<20250314.174200@roux-associes.example>",
    "In-Reply-To": "<20250312.091500@lestilleuls.example>",
}


def _mail_fr() -> Made:
    paragraphs = [
        "Cher Monsieur,",
        "Vous trouverez ci-joint le bail. Je vous enverrai le rapport définitif vendredi.",
        "Je vous recommande de ne rien signer avant.",
        "Claire Roux",
        "Le 12 mars 2025 à 09:15, Marc Delattre a écrit :",
        "> Avez-vous reçu le rapport de l'expert ?",
    ]
    return office.mail(_MAIL_FR, paragraphs, ("bail.pdf", _lease_fr()[0]))


def _mail_en(number: int, sender: str, date: str, subject: str, paragraphs: list[str]) -> Made:
    headers = {
        "From": sender,
        "To": "Tom Reardon <tom@castlegate.example>",
        "Date": date,
        "Subject": subject,
        "Message-ID": f"<{number}@whitfield.example>",
    }
    return office.mail(headers, paragraphs)


def _mailbox_en() -> Made:
    sarah = "Sarah Whitfield <sarah@whitfield.example>"
    return office.mbox([
        _mail_en(1, sarah, "Mon, 10 Mar 2025 09:00:00 +0000", "Lease review", ["Dear Tom,", "I will send you the marked-up lease by Friday."]),
        _mail_en(2, sarah, "Fri, 14 Mar 2025 16:30:00 +0000", "Lease: marked-up draft", ["Dear Tom,", "From the landlord's side nothing has come back yet.", "Sarah"]),
        _mail_en(3, "Ben Ortiz <ben@whitfield.example>", "Mon, 17 Mar 2025 10:10:00 +0000", "Hearing bundle", ["The bundle was filed this morning."]),
    ])  # fmt: skip


def _plain(paragraphs: list[str], encoding: str) -> Made:
    truth = DocumentTruth(blocks=tuple(TrueBlock(kind="paragraph", text=text) for text in paragraphs))
    return ("\n\n".join(paragraphs) + "\n").encode(encoding), truth


def _latin1_fr() -> Made:
    return _plain(
        [
            "Réunion de chantier n° 14, tenue le 20 juin 2025 à Décines.",
            "Le lot plomberie accuse trois semaines de retard. L'entreprise s'est engagée à doubler ses effectifs.",
            "Il est acté que la réception est repoussée au 15 septembre.",
        ],
        "latin-1",
    )


def _cp1252_fr() -> Made:
    return _plain(
        [
            "Relevé d’honoraires n° 2025-118",
            "Montant dû : 1 240 € – payable à réception. Main-d’œuvre incluse.",
        ],
        "cp1252",
    )


_MARKDOWN_EN = """# Closing checklist

Everything below must be done *before* completion.

## Documents

- Signed transfer deed
- Certificate of title

## Money

1. Send the completion statement
2. Confirm the bank details **by telephone**

```
ref: MILL-LANE-14
```
"""


def _markdown_en() -> Made:
    top, documents, money = "Closing checklist", "Documents", "Money"
    blocks = (
        TrueBlock(kind="title", text=top),
        TrueBlock(kind="paragraph", text="Everything below must be done before completion.", section=top),
        TrueBlock(kind="title", text=documents, section=top),
        TrueBlock(kind="list_item", text="Signed transfer deed", section=documents),
        TrueBlock(kind="list_item", text="Certificate of title", section=documents),
        TrueBlock(kind="title", text=money, section=top),
        TrueBlock(kind="list_item", text="Send the completion statement", section=money),
        TrueBlock(kind="list_item", text="Confirm the bank details by telephone", section=money),
        TrueBlock(kind="code", text="ref: MILL-LANE-14", section=money),
    )
    return _MARKDOWN_EN.encode(), DocumentTruth(blocks=blocks)


TEST: tuple[Maker, ...] = (
    ("bulletin.pdf", "en", "two columns under a common title; a footer", _bulletin),
    ("bail.pdf", "fr", "numbered articles over two pages, indented clauses", _lease_fr),
    ("lettre.pdf", "fr", "letterhead and numbered footer on each page", _letter_fr),
    ("minutes.docx", "en", "headings, list, table", _minutes_docx),
    ("note.html", "fr", "entities, a comment, a script, a hidden paragraph", _html_fr),
    ("courriel.eml", "fr", "encoded subject, quoted-printable, quoted reply, a PDF attached", _mail_fr),
    ("mailbox.mbox", "en", "three messages; a body line that begins with From", _mailbox_en),
    ("chantier.txt", "fr", "Latin-1 without a declaration", _latin1_fr),
    ("checklist.md", "en", "nested headings, two kinds of list, code", _markdown_en),
)

HELD_OUT: tuple[Maker, ...] = (
    ("lettre_sociale.pdf", "fr", "two columns of unequal height", _bulletin_fr),
    ("services.pdf", "en", "numbered clauses over two pages", _services_en),
    ("letter.pdf", "en", "letterhead and numbered footer on each page", _letter_en),
    ("mission.docx", "fr", "a table between two headings", _engagement_docx),
    ("notice.html", "en", "a line break inside a paragraph, an ordered list, no charset", _html_en),
    ("honoraires.txt", "fr", "Windows-1252 with a euro sign, a curly apostrophe and a ligature", _cp1252_fr),
)
