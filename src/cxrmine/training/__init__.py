"""Training: a data set folder in, classifiers out; imports neither spaCy nor pydicom."""
