"""Chest X-ray image files, DICOM above all, turned into 8-bit grey PNG images of 1024×1024 px."""
