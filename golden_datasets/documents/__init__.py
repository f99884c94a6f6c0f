"""Files whose truth is known because they were made here: ``python -m golden_datasets.documents.build``.

The built files ship with the set; the builders need the development dependencies (reportlab, python-docx) and
give the same bytes each time, so a changed file is a changed case.
"""
