-- Extract of the practice management database: the deadline register of both matters.
-- PostgreSQL. Load it into an empty database: psql -f practice_deadlines.sql

CREATE SCHEMA IF NOT EXISTS practice;

CREATE TABLE practice.deadlines (
    id           bigint PRIMARY KEY,
    matter_ref   text NOT NULL,
    client       text NOT NULL,
    kind         text NOT NULL,
    description  text NOT NULL,
    notes        text,
    owner        text NOT NULL,
    due_on       date NOT NULL,
    completed_on date,
    amount       numeric(12, 2),
    currency     char(3),
    language     char(2) NOT NULL,
    updated_at   timestamptz NOT NULL
);

CREATE INDEX deadlines_updated_at_id ON practice.deadlines (updated_at, id);

INSERT INTO practice.deadlines
    (id, matter_ref, client, kind, description, notes, owner, due_on, completed_on, amount, currency, language, updated_at)
VALUES
    (1001, '2025-0417', 'Ateliers Maubray SAS', 'contract', 'Retour de la lettre de mission signée', 'Reçue le 24 janvier 2025', 'N. Feki', '2025-01-31', '2025-01-24', NULL, NULL, 'fr', '2025-01-24 16:10:00+01'),
    (1002, '2025-0417', 'Ateliers Maubray SAS', 'closing', 'Réalisation de la cession Lumivelle', NULL, 'J. Karsenti', '2025-03-14', '2025-03-14', 4800000.00, 'EUR', 'fr', '2025-03-14 19:02:00+01'),
    (1003, '2025-0417', 'Ateliers Maubray SAS', 'payment', 'Remboursement de la réduction de prix par les Cédants', 'Castérou 105 000 €, Norhelm 45 000 € ; reçu le 30 juillet', 'N. Feki', '2025-07-31', '2025-07-30', 150000.00, 'EUR', 'fr', '2025-07-30 11:45:00+02'),
    (1004, '2025-0417', 'Ateliers Maubray SAS', 'procedure', 'Réponse à la lettre d''observations URSSAF', 'Manquée : ni réponse ni demande de prolongation avant le 11 février', 'N. Feki', '2026-02-11', NULL, 186400.00, 'EUR', 'fr', '2026-02-17 09:20:00+01'),
    (1005, '2025-0417', 'Ateliers Maubray SAS', 'warranty', 'Notification de la Réclamation aux Cédants (garantie)', 'Délai de trente jours selon le contrat. À vérifier avec l''avenant', 'N. Feki', '2026-02-11', '2026-02-20', 146400.00, 'EUR', 'fr', '2026-01-14 14:00:00+01'),
    (1006, '2025-0417', 'Ateliers Maubray SAS', 'escrow', 'Fin du séquestre Corvaz', '186 400 € conservés, 113 600 € libérés le 2 avril', 'J. Karsenti', '2026-03-31', '2026-04-02', 300000.00, 'EUR', 'fr', '2026-04-03 08:30:00+02'),
    (1007, '2025-0417', 'Ateliers Maubray SAS', 'offer', 'Norhelm settlement offer lapses', 'Offer of EUR 25,000 not accepted; lapsed', 'H. Brissac', '2026-04-24', '2026-04-24', 25000.00, 'EUR', 'en', '2026-04-27 10:05:00+02'),
    (1008, '2025-0417', 'Ateliers Maubray SAS', 'earn_out', 'Communication des comptes 2025 aux Cédants', 'Envoyés le 12 juin, douze jours après l''échéance', 'N. Feki', '2026-05-31', '2026-06-12', 450000.00, 'EUR', 'fr', '2026-06-15 17:40:00+02'),
    (1009, '2025-0417', 'Ateliers Maubray SAS', 'procedure', 'Saisine de la commission de recours amiable', 'Mise en demeure reçue le 22 avril ; recours déposé le 18 juin', 'J. Karsenti', '2026-06-22', '2026-06-18', 186400.00, 'EUR', 'fr', '2026-06-18 18:15:00+02'),
    (1010, '2025-0417', 'Ateliers Maubray SAS', 'letter', 'Réponse à la mise en demeure de Me Alquier', NULL, 'H. Brissac', '2026-07-20', '2026-07-17', 315000.00, 'EUR', 'fr', '2026-07-17 15:25:00+02'),
    (1011, '2025-0417', 'Ateliers Maubray SAS', 'mediation', 'Accord sur le principe de la médiation', 'Donné le 22 septembre', 'H. Brissac', '2026-09-25', '2026-09-22', NULL, NULL, 'fr', '2026-09-22 10:30:00+02'),
    (1012, '2025-0417', 'Ateliers Maubray SAS', 'mediation', 'Réponse écrite de la cliente sur la proposition', 'Acceptation du 12 novembre, sans renonciation à la garantie fiscale', 'H. Brissac', '2026-11-13', '2026-11-12', 160000.00, 'EUR', 'fr', '2026-11-13 08:40:00+01'),
    (1013, '2025-0417', 'Ateliers Maubray SAS', 'mediation', 'Expiration de la proposition de la médiatrice (18 heures)', 'Norhelm exige la renonciation à la garantie fiscale', 'H. Brissac', '2026-11-20', NULL, 160000.00, 'EUR', 'fr', '2026-11-13 08:42:00+01'),
    (1014, '2025-0417', 'Ateliers Maubray SAS', 'procedure', 'Assignation devant le tribunal des activités économiques si Norhelm ne signe pas', 'Instruction de la cliente du 12 novembre 2026', 'J. Karsenti', '2026-12-15', NULL, NULL, NULL, 'fr', '2026-11-13 08:45:00+01'),
    (1015, '2025-0417', 'Ateliers Maubray SAS', 'warranty', 'Expiration de la garantie, hors fiscal et social', NULL, 'N. Feki', '2027-03-31', NULL, 750000.00, 'EUR', 'fr', '2026-02-17 09:25:00+01'),
    (1016, '2025-0417', 'Ateliers Maubray SAS', 'fees', 'Accord écrit sur le dépassement du plafond d''honoraires', 'Plafond de 45 000 € HT, cumul de 47 250 € HT : à régulariser', 'H. Brissac', '2026-09-30', NULL, 47250.00, 'EUR', 'fr', '2026-09-03 12:00:00+02'),
    (2001, '2026-0088', 'Tidewell Foods Ltd', 'contract', 'Engagement letter countersigned', 'Received 20 February 2026', 'O. Prichard', '2026-02-27', '2026-02-20', 18500.00, 'GBP', 'en', '2026-02-20 12:00:00+00'),
    (2002, '2026-0088', 'Tidewell Foods Ltd', 'records', 'Stock count sheets, Bristol and Lyon', 'Chased 20 May, 3 June, 27 July; Bristol received 2 August, Lyon still missing', 'O. Prichard', '2026-05-15', NULL, NULL, NULL, 'en', '2026-11-13 16:00:00+00'),
    (2003, '2026-0088', 'Tidewell France SARL', 'records', 'Contrat d''entreposage de Lyon', 'Reçu le 1er juillet, avec quarante-sept jours de retard', 'A. Roussel', '2026-05-15', '2026-07-01', NULL, NULL, 'fr', '2026-07-02 09:00:00+02'),
    (2004, '2026-0088', 'Tidewell Foods Ltd', 'accounts', 'Draft accounts to the client', 'Moved from 31 July: records late', 'O. Prichard', '2026-09-30', NULL, NULL, NULL, 'en', '2026-06-03 10:30:00+01'),
    (2005, '2026-0088', 'Tidewell Foods Ltd', 'vat', 'French VAT registration', 'Application filed 24 July 2026', 'A. Roussel', '2026-07-31', '2026-07-24', 112530.00, 'EUR', 'en', '2026-07-24 17:10:00+02'),
    (2006, '2026-0088', 'Tidewell Foods Ltd', 'vat', 'UK VAT return, quarter ended 30 June 2026', 'Filed four days late; one penalty point', 'O. Prichard', '2026-08-07', '2026-08-11', 71300.00, 'GBP', 'en', '2026-08-19 11:30:00+01'),
    (2007, '2026-0088', 'Tidewell Foods Ltd', 'bank', 'Copy of the trade credit endorsement to Severn Vale Bank', 'There is none: Larkspur was not insured', 'T. Wexley', '2026-08-31', NULL, 184300.00, 'GBP', 'en', '2026-10-29 11:20:00+00'),
    (2008, '2026-0088', 'Tidewell Foods Ltd', 'r_and_d', 'R&D claim notification to HMRC', 'Submitted 2 October, out of time', 'O. Prichard', '2026-09-30', '2026-10-02', 62400.00, 'GBP', 'en', '2026-10-05 09:15:00+01'),
    (2009, '2026-0088', 'Tidewell Foods Ltd', 'insolvency', 'Proof of debt, Larkspur Retail', 'Sent 28 October', 'P. Nandakumar', '2026-10-30', '2026-10-28', 184300.00, 'GBP', 'en', '2026-10-28 10:00:00+00'),
    (2010, '2026-0088', 'Tidewell Foods Ltd', 'vat', 'UK VAT return, quarter ended 30 September 2026', 'Filed 5 November, two days early', 'O. Prichard', '2026-11-07', '2026-11-05', 68910.00, 'GBP', 'en', '2026-11-05 14:00:00+00'),
    (2011, '2026-0088', 'Tidewell Foods Ltd', 'vat', 'Première déclaration de TVA française (octobre 2026)', 'Détail des ventes de Lyon promis par M. Carlier pour le 10 novembre, non reçu', 'A. Roussel', '2026-11-19', NULL, NULL, NULL, 'fr', '2026-11-13 10:50:00+01'),
    (2012, '2026-0088', 'Tidewell Foods Ltd', 'accounts', 'Final accounts to the board', 'Depends on the Lyon count sheets by 18 November', 'M. Halden', '2026-11-27', NULL, NULL, NULL, 'en', '2026-11-13 16:05:00+00'),
    (2013, '2026-0088', 'Tidewell Foods Ltd', 'bank', 'Covenant certificate to Severn Vale Bank', 'Two directors to sign; interest cover at least 3.0', 'T. Wexley', '2026-11-30', NULL, 1200000.00, 'GBP', 'en', '2026-11-13 16:06:00+00'),
    (2014, '2026-0088', 'Tidewell Foods Ltd', 'accounts', 'Filing at Companies House', 'The penalty for late filing is automatic', 'O. Prichard', '2026-12-31', NULL, NULL, NULL, 'en', '2026-11-13 16:07:00+00'),
    (2015, '2026-0088', 'Tidewell Foods Ltd', 'tax', 'Corporation tax payment', 'Nine months and one day after the year end', 'P. Nandakumar', '2027-01-01', NULL, NULL, NULL, 'en', '2026-04-20 09:45:00+01');
