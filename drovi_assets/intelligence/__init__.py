"""Text in, intelligence objects with verified evidence out.

Sentence splitting, language, dates, the extractors and (later) identity, contradictions and timelines live
here. It knows no file format, database, tenant or Dagster.
"""
