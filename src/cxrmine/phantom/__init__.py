"""A synthetic hospital: drawn chest radiographs, true boxes, DICOM files and matching reports."""
