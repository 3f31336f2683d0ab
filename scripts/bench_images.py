"""Speed of build-dataset's pixels against bare library calls on the same files, in one run.

    python scripts/bench_images.py [convert] [decoders] [png] [workers] [build] [import]
        [memory]
        [--files 4] [--rounds 5] [--folder DIR]

- convert: decode → lookup → resize → encode by bare calls and by `convert_dicom`, in turns, on one
  core, for every transfer syntax in common use.
- decoders: every decoder that is installed on the same streams: milliseconds, processor time, and
  whether the pixels are the same; pydicom's own choice beside them.
- png: OpenCV's ways to write a PNG: milliseconds and bytes.
- workers: files a second by one process and by two at once.
- build: the whole command on many files, with one worker and with two.
- import: ChestX-ray14's tables, 112,120 rows, without images (needs $CXRMINE_DATA).
- memory: the most memory that a process takes which converts a file of every syntax.

Without names all of them. The files are drawn here: 2544×3056 pixels of 12 bits, a smooth chest
with a detector's noise, and a header of some eighty attributes. "Bare" are the calls that one
would write (`pixel_array`, `numpy.take`, `cv2.resize`, `cv2.imencode`), with a grey table made
beforehand; "bound" are the fastest that we know for the same steps, without any check of the file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from cxrmine.dataset.build import build
from cxrmine.dataset.settings import BuildSettings
from cxrmine.images.codestream import Codec, StreamInfo, read_stream_info
from cxrmine.images.convert import PixelSettings, convert_dicom, quiet_libraries
from cxrmine.images.decode import decode, lookup
from cxrmine.images.decoders import DECODERS, find_decoder, set_decoder_threads
from cxrmine.images.png import encode_png
from cxrmine.runs.progress import Lines

BUILD_FILES = 120
ROWS, COLUMNS, BITS = 3056, 2544, 12
CENTRE, WIDTH = 2048, 3800
#: Name, transfer syntax, and the encoder of pydicom; JPEG Lossless is written by GDCM.
SYNTAXES = {
    "uncompressed": (ExplicitVRLittleEndian, None),
    "rle": (RLELossless, "pylibjpeg"),
    "jpeg_lossless": (None, None),
    "jpeg_ls": (JPEGLSLossless, "pyjpegls"),
    "jpeg_2000": (JPEG2000Lossless, "pylibjpeg"),
    "jpeg_baseline": (JPEGBaseline8Bit, None),
}


# Files ------------------------------------------------------------------------------------------


def draw(seed: int, bits: int = BITS) -> NDArray[Any]:
    """Two lungs, a heart, ribs, and the noise of a detector."""
    random = np.random.default_rng(seed)
    y = np.linspace(-1, 1, ROWS)[:, None]
    x = np.linspace(-1, 1, COLUMNS)[None, :]
    body = 0.55 + 0.2 * np.cos(3 * x) * np.cos(2 * y)
    lungs = 0.35 * np.exp(-((np.abs(x) - 0.45) ** 2 / 0.05 + y**2 / 0.3))
    heart = 0.2 * np.exp(-((x - 0.15) ** 2 / 0.04 + (y - 0.3) ** 2 / 0.06))
    ribs = 0.03 * np.sin(40 * y + 10 * x * x + seed)
    drawn = body - lungs + heart + ribs + random.normal(0, 0.005, (ROWS, COLUMNS))
    scaled = np.clip(drawn, 0, 1) * ((1 << bits) - 1)
    return scaled.astype(np.uint8 if bits == 8 else np.uint16)


def header(cells: NDArray[Any], bits: int, number: int) -> Dataset:
    """A data set as a detector writes it."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    ds.SOPInstanceUID = f"1.2.826.0.1.3680043.8.498.{number}"
    ds.StudyInstanceUID = f"1.2.826.0.1.3680043.8.498.7.{number}"
    ds.SeriesInstanceUID = f"1.2.826.0.1.3680043.8.498.8.{number}"
    ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "DX", "CHEST", "PA"
    ds.PatientID, ds.PatientName, ds.PatientSex, ds.PatientAge = f"P{number}", "A^B", "F", "062Y"
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber = "20200101", "101112", f"A{number}"
    ds.PatientOrientation, ds.ImagerPixelSpacing = ["L", "F"], [0.139, 0.139]
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = CENTRE, WIDTH, "LINEAR"
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, 0, "US"
    ds.PresentationLUTShape, ds.BurnedInAnnotation = "IDENTITY", "NO"
    ds.Rows, ds.Columns = cells.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8 * cells.itemsize, bits, bits - 1
    ds.PixelRepresentation = 0
    block = ds.private_block(0x0019, "BENCH", create=True)
    for element in range(45):
        block.add_new(element, "LO", f"value {element}")
    ds.PixelData = cells.tobytes()
    ds["PixelData"].VR = "OB" if bits == 8 else "OW"
    return ds


def write_files(folder: Path, number: int) -> dict[str, list[Path]]:
    """Write the files of every syntax, unless they are there."""
    files: dict[str, list[Path]] = {}
    for syntax in SYNTAXES:
        files[syntax] = [folder / f"{syntax}_{i}.dcm" for i in range(number)]
        for i, path in enumerate(files[syntax]):
            if not path.exists():
                write_file(path, syntax, i)
    return files


def write_file(path: Path, syntax: str, number: int) -> None:
    uid, encoder = SYNTAXES[syntax]
    bits = 8 if syntax == "jpeg_baseline" else BITS
    cells = draw(number, bits)
    ds = header(cells, bits, number)
    if syntax == "jpeg_lossless":
        plain = path.with_suffix(".tmp")
        ds.save_as(plain, enforce_file_format=True)
        recompress(plain, path)
        plain.unlink()
        return
    if syntax == "jpeg_baseline":
        stream = cv2.imencode(".jpg", cells, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
        ds.file_meta.TransferSyntaxUID = uid
        ds.PixelData = pydicom.encaps.encapsulate([stream])
        ds["PixelData"].is_undefined_length = True
    elif encoder:
        ds.compress(uid, encoding_plugin=encoder, generate_instance_uid=False)
    ds.save_as(path, enforce_file_format=True)


def recompress(source: Path, target: Path) -> None:
    """JPEG Lossless SV1 by GDCM."""
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(source))
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(target))
    if not reader.Read():
        raise OSError("GDCM does not read the file")
    change.SetInput(reader.GetImage())
    if not change.Change():
        raise OSError("GDCM does not compress the file")
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    if not writer.Write():
        raise OSError("GDCM does not write the file")


def grey_entries(bits: int) -> NDArray[np.uint8]:
    """The table of the window; LINEAR, PS3.3 section C.11.2.1.2."""
    values = np.arange(1 << (8 if bits == 8 else 16))
    share = ((values - (CENTRE - 0.5)) / (WIDTH - 1) + 0.5).clip(0, 1)
    return np.floor(255 * share + 0.5).astype(np.uint8)


# Ways to do it ----------------------------------------------------------------------------------


def bare(path: Path, table: NDArray[np.uint8]) -> bytes:
    """What one would write with pydicom, NumPy and OpenCV."""
    grey = np.take(table, pydicom.dcmread(path).pixel_array)
    small = cv2.resize(grey, (1024, 1024), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", small)[1].tobytes()


def bound(path: Path, table: NDArray[np.uint8]) -> bytes:
    """The fastest calls for the same steps, and not one more."""
    ds = pydicom.dcmread(path)
    value = ds.PixelData
    if ds.file_meta.TransferSyntaxUID.is_encapsulated:
        stream = next(pydicom.encaps.generate_frames(value, number_of_frames=1))
        if ds.file_meta.TransferSyntaxUID == RLELossless:
            info = StreamInfo(Codec.RLE, ds.Rows, ds.Columns, ds.BitsAllocated, 1)
        else:
            info = read_stream_info(stream)
        cells = find_decoder(info.codec).decode(stream, info)
    else:
        cells = np.frombuffer(value, np.uint16).reshape(ds.Rows, ds.Columns)
    small = cv2.resize(lookup(cells, table), (1024, 1024), interpolation=cv2.INTER_AREA)
    return encode_png(small)


def ours(path: Path, table: NDArray[np.uint8]) -> bytes:
    """All that build-dataset does with a file: header, view, window, checks, hash."""
    return convert_dicom(path, PixelSettings()).png


def shortest(function: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """Wall and processor milliseconds of the fastest round."""
    times = []
    for _ in range(rounds):
        wall, processor_time = time.perf_counter(), time.process_time()
        function()
        times.append((time.perf_counter() - wall, time.process_time() - processor_time))
    return min(t[0] for t in times) * 1000, min(t[1] for t in times) * 1000


def bench_convert(files: dict[str, list[Path]], rounds: int) -> None:
    """In turns, each file's fastest round of each way, on one core.

    Processor time, which on one core is the time it takes, but for what the machine's other
    programs take from it.
    """
    print("\nconvert: ms a file on one core, median over files of the fastest round")
    print(f"{'':15}{'bare':>9}{'bound':>9}{'ours':>9}{'of bare':>10}{'of bound':>10}")
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(all_cores)})
    try:
        for syntax, paths in files.items():
            table = grey_entries(8 if syntax == "jpeg_baseline" else BITS)
            ways = {bare: [], bound: [], ours: []}
            if bound(paths[0], table) != ours(paths[0], table):
                raise SystemExit(f"{syntax}: the bound's image is not ours")
            for path in paths:
                best = dict.fromkeys(ways, float("inf"))
                for _ in range(rounds):
                    for way in ways:
                        best[way] = min(best[way], shortest(lambda: way(path, table), 1)[1])  # noqa: B023
                for way, value in best.items():
                    ways[way].append(value)
            b, f, o = (statistics.median(values) for values in ways.values())
            print(f"{syntax:15}{b:9.1f}{f:9.1f}{o:9.1f}{b / o:10.0%}{f / o:10.0%}", flush=True)
    finally:
        os.sched_setaffinity(0, all_cores)


def bench_decoders(files: dict[str, list[Path]], rounds: int) -> None:
    """Every decoder on the first file of every syntax."""
    print("\ndecoders: ms a stream of the fastest round, wall and processor time")
    for syntax, paths in files.items():
        if syntax == "uncompressed":
            continue
        ds = pydicom.dcmread(paths[0])
        wall, cpu = shortest(lambda: pydicom.dcmread(paths[0]).pixel_array, rounds)  # noqa: B023
        print(f"{syntax:15}{'pydicom, its own choice':32}{wall:9.1f}{cpu:9.1f}", flush=True)
        stream = next(pydicom.encaps.generate_frames(ds.PixelData, number_of_frames=1))
        if syntax == "rle":
            info = StreamInfo(Codec.RLE, ds.Rows, ds.Columns, ds.BitsAllocated, 1)
        else:
            info = read_stream_info(stream)
        reference = decode(ds)
        for decoder in DECODERS[info.codec]:
            if not decoder.is_available():
                print(f"{'':15}{decoder.package:32}  not installed")
                continue
            for threads in ("1", str(os.cpu_count())) if decoder.package == "pillow" else ("",):
                name = decoder.package
                if info.codec is Codec.JPEG_2000 and threads:
                    os.environ["OPJ_NUM_THREADS"] = threads
                    name += f", {threads} threads"
                elif threads not in ("", "1"):
                    continue
                wall, cpu = shortest(lambda: decoder.decode(stream, info), rounds)  # noqa: B023
                same = np.array_equal(decoder.decode(stream, info), reference)
                print(f"{'':15}{name:32}{wall:9.1f}{cpu:9.1f}  {'same' if same else 'OTHER'}")
        os.environ.pop("OPJ_NUM_THREADS", None)


def bench_png(files: dict[str, list[Path]], rounds: int) -> None:
    """Ways to write the images; those of ChestX-ray14 as well where they are."""
    print("\npng: ms an image, kB an image")
    images = [cv2.imdecode(np.frombuffer(ours(path, path), np.uint8), 0) for path in files["rle"]]
    data = Path(os.environ.get("CXRMINE_DATA", "../shared/data")) / "nih" / "images_1024"
    images += [cv2.imread(str(path), 0) for path in sorted(data.glob("*.png"))[:10]]
    level, strategy = cv2.IMWRITE_PNG_COMPRESSION, cv2.IMWRITE_PNG_STRATEGY
    huffman, run_length = cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY, cv2.IMWRITE_PNG_STRATEGY_RLE
    ways: dict[str, Callable[[NDArray[np.uint8]], Any]] = {
        "ours": encode_png,
        "OpenCV's default": lambda image: cv2.imencode(".png", image)[1],
    }
    settings = {"level 1": [level, 1], "level 6": [level, 6]}
    settings["Huffman only"] = [level, 2, strategy, huffman]
    settings["run length"] = [level, 2, strategy, run_length]
    if hasattr(cv2, "IMWRITE_PNG_FILTER"):
        average = [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_AVG]
        settings["run length, average"] = [level, 2, strategy, run_length, *average]
    for name, values in settings.items():
        ways[name] = lambda image, values=values: cv2.imencode(".png", image, values)[1]
    for name, way in ways.items():
        wall = statistics.mean(shortest(lambda: way(image), rounds)[0] for image in images)  # noqa: B023
        size = statistics.mean(len(way(image)) for image in images)
        print(f"{name:32}{wall:9.1f}{size / 1000:9.0f}", flush=True)


def start_worker() -> None:
    cv2.setNumThreads(1)
    set_decoder_threads(1)


def convert_some(paths: list[Path]) -> int:
    return sum(len(convert_dicom(path, PixelSettings()).png) for path in paths)


def bench_workers(files: dict[str, list[Path]], rounds: int) -> None:
    """One process and two at once, over the same number of files each."""
    print("\nworkers: files a second")
    for syntax in ("uncompressed", "jpeg_lossless"):
        share = files[syntax] * (20 if syntax == "uncompressed" else 6)
        speeds = []
        for workers in (1, 2):
            with ProcessPoolExecutor(workers, get_context("spawn"), start_worker) as pool:
                list(pool.map(convert_some, [files[syntax][:1]] * workers * 2))
                best = 0.0
                for _ in range(rounds):
                    start = time.perf_counter()
                    list(pool.map(convert_some, [share] * workers))
                    best = max(best, workers * len(share) / (time.perf_counter() - start))
            speeds.append(best)
        print(f"{syntax:15}{speeds[0]:8.1f}{speeds[1]:8.1f}   {speeds[1] / speeds[0]:.2f}×")


def bench_build(files: dict[str, list[Path]], rounds: int) -> None:
    """The whole command on many files: files a second from the first to the last."""
    print("\nbuild: files a second of `build-dataset`, the workers' start included")
    for syntax in ("uncompressed", "jpeg_lossless"):
        speeds: dict[int, list[float]] = {1: [], 2: []}
        with tempfile.TemporaryDirectory(prefix="bench-build-") as temporary:
            source = Path(temporary, "dicom")
            source.mkdir()
            for number in range(BUILD_FILES):
                file = files[syntax][number % len(files[syntax])]
                (source / f"{number:05d}.dcm").symlink_to(file)
            for turn in range(max(1, rounds // 2)):
                for workers in speeds:
                    out = Path(temporary, f"{workers}-{turn}")
                    build(BuildSettings((source,)), out, workers=workers, progress=Lines)
                    stages = json.loads((out / "timing.json").read_text())["stages"]
                    speeds[workers].append(BUILD_FILES / stages["convert"])
        one, two = (max(speeds[workers]) for workers in (1, 2))
        print(f"{syntax:15}{one:8.1f}{two:8.1f}   {two / one:.2f}×")


def bench_import(files: dict[str, list[Path]], rounds: int) -> None:
    """ChestX-ray14's tables without images, 112,120 rows, as a command of its own."""
    source = Path(os.environ.get("CXRMINE_DATA", "../shared/data"), "nih").resolve()
    if not source.is_dir():
        print(f"\nimport: left out, there is no {source} (CXRMINE_DATA)")
        return
    best = float("inf")
    for _ in range(max(1, rounds // 2)):
        with tempfile.TemporaryDirectory(prefix="bench-import-") as temporary:
            command = [Path(sys.executable).parent / "build-dataset", "--from", "nih", source]
            command += ["--tables-only", "--out", Path(temporary, "set")]
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            best = min(best, time.perf_counter() - start)
    print(f"\nimport: 112,120 rows of ChestX-ray14, card and figures included: {best:.1f} s")


def bench_memory(files: dict[str, list[Path]], rounds: int) -> None:
    """The peak of a fresh process for each syntax.

    From Linux' own count: getrusage passes a parent's peak on to its children.
    """
    print("\nmemory: MB, the most a process takes that converts one file twice")
    program = (
        "import sys; from pathlib import Path; "
        "from cxrmine.images.convert import PixelSettings, convert_dicom\n"
        "for _ in range(2): convert_dicom(Path(sys.argv[1]), PixelSettings())\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(status.split('VmHWM:')[1].split()[0])"
    )
    for syntax, paths in files.items():
        command = [sys.executable, "-c", program, str(paths[0])]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"{syntax:15}{int(done.stdout) / 1024:8.0f}", flush=True)


SECTIONS = {
    "convert": bench_convert,
    "decoders": bench_decoders,
    "png": bench_png,
    "workers": bench_workers,
    "build": bench_build,
    "import": bench_import,
    "memory": bench_memory,
}


def processor() -> str:
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sections", nargs="*", metavar="|".join(SECTIONS))
    parser.add_argument("--files", type=int, default=4, help="files of each syntax")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keep the files here, and take them from here")
    options = parser.parse_args()
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    with tempfile.TemporaryDirectory(prefix="bench-images-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        files = write_files(folder, options.files)
        print(f"{processor()}; OpenCV {cv2.__version__}, pydicom {pydicom.__version__}")
        with quiet_libraries():
            for name in options.sections or SECTIONS:
                SECTIONS[name](files, options.rounds)


if __name__ == "__main__":
    main()
