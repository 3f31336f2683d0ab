"""Scores of what every stage wrote. Importing this package needs neither spaCy nor pydicom."""
