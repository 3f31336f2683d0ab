"""One training run: from a data set and a recipe to a model, its scores and its boxes, in a folder.

What is under way lies in ``OUT/.parts``: the plan, the last checkpoint, the events so far. The
outputs take their places at the end, ``run.json`` last. A run that was killed goes on from its
checkpoint with ``--resume`` and, on a CPU, ends with the same bytes (``timing.json`` alone tells
how long things took).
"""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

import cxrmine
from cxrmine.dataset.read import BOXES, DATA_ENTRY, LABELS, SPLITS, Dataset
from cxrmine.errors import UserError
from cxrmine.runs.endings import endings_told
from cxrmine.runs.folder import OutputFolder, Writes
from cxrmine.runs.progress import Progress, open_progress
from cxrmine.training import event_file
from cxrmine.training.augment import Augment, AugmentConfig
from cxrmine.training.batches import Batches
from cxrmine.training.cache import Cache, open_cache
from cxrmine.training.checkpoints import Checkpoint, read_checkpoint, restore, write_checkpoint
from cxrmine.training.distributed import Ranks, choose_device, process_group, ranks
from cxrmine.training.folds import read_with_split
from cxrmine.training.labels import Labels, check_classes, part_rows, training_labels
from cxrmine.training.loop import Clock, EpochResult, Loop, Place, Validation, set_up
from cxrmine.training.losses import LOSSES
from cxrmine.training.models import MODELS
from cxrmine.training.precision import in_half
from cxrmine.training.predict import MODEL, Predictor, build_model, layers
from cxrmine.training.recipe import Recipe

if TYPE_CHECKING:
    from cxrmine.training.models import Classifier

COMMAND = "train-baseline"
CHECKPOINT = "checkpoint.safetensors"
WRITES = Writes(
    COMMAND,
    frozenset(
        {
            MODEL,
            "recipe.yaml",
            "history.csv",
            "warnings.csv",
            "run.json",
            "timing.json",
            "report.html",
            event_file.NAME,
        }
    ),
    listed=r"[A-Za-z0-9][\w.-]*\.(?:csv|png|html)",
)
# Steps between two looks at the clock where several processes must agree on a checkpoint.
_STEPS_BETWEEN_LOOKS = 50
# In the words of torch, which has no error of its own for a CPU's memory.
_SHORT_OF_MEMORY = "DefaultCPUAllocator"
# Images of the first batch that TensorBoard shows.
_SHOWN = 16


@dataclass(frozen=True)
class TrainSettings:
    """What a run is asked to do.

    Parameters
    ----------
    dataset : Path
        A folder in build-dataset's layout.
    recipe : Recipe
    device : str
        ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    workers : int
        Threads that decode images when the cache is made.
    cache : Path, optional
        Where caches of images lie; by default beside the data set.
    checkpoint_minutes : float
        Time between two checkpoints within an epoch; there is one after every epoch in any case.
    """

    dataset: Path
    recipe: Recipe
    device: str = "auto"
    workers: int = 1
    cache: Path | None = None
    checkpoint_minutes: float = 10.0


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Parameters
    ----------
    record : mapping
        The content of ``run.json``.
    already_finished : bool
        Whether there was nothing left to do.
    first : bool
        Whether this process is the one that tells.
    """

    record: Mapping[str, Any]
    already_finished: bool = False
    first: bool = True


@dataclass(frozen=True)
class Task:
    """A data set as a recipe sees it, all of it checked.

    Parameters
    ----------
    dataset : Dataset
    labels : Labels
    train, val, test : ndarray of int
        Rows of the parts; val and test may be empty.
    identity : mapping
        What the run is of: two runs with the same one train the same.
    warnings : tuple of str
    """

    dataset: Dataset
    labels: Labels
    train: NDArray[np.intp]
    val: NDArray[np.intp]
    test: NDArray[np.intp]
    identity: Mapping[str, Mapping[str, Any]]
    warnings: tuple[str, ...]


def train(
    settings: TrainSettings, out: Path, *, resume: bool = False, force: bool = False
) -> Outcome:
    """Train, predict, evaluate, and write it all to a folder.

    Parameters
    ----------
    settings : TrainSettings
    out : Path
        New or empty, or with `resume` an unfinished run of the same settings.
    resume, force : bool
        As the command line's options.

    Returns
    -------
    Outcome

    Raises
    ------
    UserError
        If the data set, the recipe, the device or the folder is not what it must be; or the run
        was stopped from outside, with how to go on.
    """
    with endings(settings, out):
        return train_within(settings, out, resume=resume, force=force)


def train_within(
    settings: TrainSettings, out: Path, *, resume: bool = False, force: bool = False
) -> Outcome:
    """Do what `train` does, as a part of something larger that knows how it is continued."""
    processes = ranks()
    device = choose_device(settings.device, processes)
    check_recipe(settings.recipe)
    check_place(settings, out)
    with process_group(processes, device):
        return _train(settings, out, device, processes, resume=resume, force=force)


def check_place(settings: TrainSettings, out: Path) -> None:
    """Keep a run's files out of its data set, whose own they would be taken for.

    Raises
    ------
    UserError
        If the output folder is the data set or lies within.
    """
    if out.resolve().is_relative_to(settings.dataset.resolve()):
        raise UserError(
            f"--out {str(out)!r} lies in the data set {str(settings.dataset)!r}; name a folder "
            "beside it."
        )


def check_recipe(recipe: Recipe) -> None:
    """Make sure that a recipe's model and loss exist, and that the model can be built.

    Raises
    ------
    UserError
        Lists what there is.
    """
    for key, name, known in (
        ("model", recipe.model, tuple(MODELS)),
        ("loss", recipe.loss, tuple(LOSSES)),
    ):
        if name not in known:
            raise UserError(
                f"the recipe {recipe.name!r} asks for the {key} {name!r}, which does not exist; "
                f"use {', '.join(known)}."
            )
    from cxrmine.training.models.create import model_spec

    model_spec(recipe.model, 1, **layers(recipe))
    smallest = MODELS[recipe.model].smallest
    if recipe.data.crop < smallest:
        raise UserError(
            f"images of {recipe.data.crop} pixels are too small for {recipe.model}, which needs "
            f"{smallest}; raise data.crop and data.size of the recipe, or take another model."
        )


def prepare(settings: TrainSettings) -> Task:
    """Read the data set and check it against the recipe.

    Raises
    ------
    UserError
        If a table is damaged, the training part is empty or lacks a class, or there are no labels.
    """
    recipe = settings.recipe
    dataset = read_with_split(settings.dataset, recipe.split)
    labels = training_labels(dataset, recipe.outputs, recipe.uncertain)  # type: ignore[arg-type]
    train_rows = part_rows(dataset, labels, "train")
    warnings = list(check_classes(labels, train_rows, "train"))
    others = {}
    for part in ("val", "test"):
        if part not in dataset.parts:
            others[part] = np.empty(0, dtype=np.intp)
            without = "the last epoch's model is taken" if part == "val" else "nothing is tested"
            warnings.append(f"the split {recipe.split!r} has no part {part}: {without}")
            continue
        others[part] = part_rows(dataset, labels, part)
        warnings += check_classes(labels, others[part], part)
    data = {
        name: hashlib.sha256((dataset.folder / name).read_bytes()).hexdigest()
        for name in (DATA_ENTRY, SPLITS, LABELS, BOXES)
        if (dataset.folder / name).is_file()
    }
    if recipe.weights not in ("random", "imagenet"):
        data["weights"] = _file_digest(Path(recipe.weights))
    return Task(
        dataset=dataset,
        labels=labels,
        train=train_rows,
        val=others["val"],
        test=others["test"],
        identity={"recipe": recipe.settings(), "data": data},
        warnings=tuple(warnings),
    )


def _file_digest(path: Path) -> str:
    if not path.is_file():
        raise UserError(f"the weights file {str(path)!r} does not exist; check the path.")
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _train(
    settings: TrainSettings,
    out: Path,
    device: torch.device,
    processes: Ranks,
    *,
    resume: bool,
    force: bool,
) -> Outcome:
    folder = OutputFolder(out, WRITES)
    folder.state()  # says so at once if it is a file
    task = prepare(settings)
    with folder.locked() if processes.first else nullcontext():
        state = folder.open(resume=resume, force=force) if processes.first else "empty"
        state = processes.from_first(state)
        if state == "finished":
            record = folder.earlier(state)
            folder.check_same(record, task.identity)
            return Outcome(record, already_finished=True, first=processes.first)
        if state == "unfinished":
            folder.check_same(folder.plan(), task.identity)
        # Whatever can be wrong is found before the folder is touched.
        cache = _open_cache(settings, task, processes)
        model = build_model(settings.recipe, len(task.labels.names)).to(device)
        if settings.recipe.bias == "prior":
            model.begin_at(prior_odds(*task.labels.counts(task.train)))
        if state == "empty" and processes.first:
            folder.clear()
            folder.begin({"command": COMMAND, "version": cxrmine.__version__, **task.identity})
        run = _Run(settings, task, folder, cache, model, device, processes)
        run.fit()
        record = run.finish()
    return Outcome(record, first=processes.first)


def prior_odds(positives: NDArray[np.intp], negatives: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the log odds of each finding, from how many images have it and how many have not.

    Half an image is added to either side, so that they are finite.
    """
    odds: NDArray[np.float64] = np.log((positives + 0.5) / (negatives + 0.5))
    return odds


def _open_cache(settings: TrainSettings, task: Task, processes: Ranks) -> Cache:
    """Open the cache; rank 0 makes it where there is none."""

    def opened(on_image: Callable[[int, int], None] | None = None) -> Cache:
        return open_cache(
            task.dataset,
            settings.recipe.data.size,
            settings.cache,
            settings.workers,
            on_image=on_image,
        )

    if processes.first:
        with open_progress("Decoding", "decoded", "images", rate=True) as display:
            cache = opened(lambda done, of: display.update(read=of, done=done, all_read=True))
    processes.from_first(None)
    return cache if processes.first else opened()


@contextmanager
def endings(settings: TrainSettings, out: Path) -> Iterator[None]:
    """Turn what ends a run from outside into a `UserError` that says how to continue.

    Raises
    ------
    UserError
        With exit status 130 after Ctrl-C, with 1 if the disk or the memory is full.
    """
    told = endings_told(
        out, lambda: f"continue with --resume --out {str(out)!r}.", also=settings.cache
    )
    try:
        with told:
            yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if type(error) is RuntimeError and _SHORT_OF_MEMORY not in str(error):
            raise
        raise UserError(
            "out of memory outside of training steps; lower training.batch, data.size and "
            "data.crop, then start again with --force.",
            exit_code=1,
        ) from None


class _Run:
    """A run under way: its loop, its folder, and what it has noted."""

    def __init__(
        self,
        settings: TrainSettings,
        task: Task,
        folder: OutputFolder,
        cache: Cache,
        model: Classifier,
        device: torch.device,
        processes: Ranks,
    ) -> None:
        recipe = settings.recipe
        self.settings, self.task, self.folder, self.cache = settings, task, folder, cache
        self.model, self.device, self.processes = model, device, processes
        self.warnings = [*task.warnings, *cache.notes]
        self.timing: list[dict[str, float]] = []
        self.seconds_before = time.perf_counter()
        set_up(model, device)
        self.loop = Loop(model, self._batches(), recipe, processes, self._warn)
        self.predictor = Predictor(model, cache, recipe, processes, say=self._warn)
        self._path = folder.parts / CHECKPOINT
        self._identity = {**task.identity["recipe"], **task.identity["data"], "images": cache.key}
        size = 0
        if processes.from_first(self._path.exists()):
            size = self._restore()
        self._events = (
            event_file.EventFile(folder.parts / event_file.NAME, size) if processes.first else None
        )
        self._display: Progress | None = None

    def fit(self) -> None:
        """Train until the recipe's end, or until it no longer helps."""
        place, epochs = self.loop.place, self.settings.recipe.training.epochs
        per_epoch = len(self.loop.batches)
        images = per_epoch * self.loop.batches.batch * self.processes.world
        display = open_progress("Training", "trained on", "images", rate=True)
        with display if self.processes.first else nullcontext():
            self._display = display if self.processes.first else None
            saved = time.monotonic()
            if self._events and not place.epoch and not place.step:
                self._show_first_batch()
            while not place.done:
                clock, before, waited = Clock(self.device), place.step, self.loop.batches.waited
                for step in self.loop.epoch():
                    if self._display:
                        done = place.epoch * images + step * images // per_epoch
                        self._display.update(read=epochs * images, done=done, all_read=True)
                    if step < per_epoch and self._due(saved, step):
                        self._save()
                        saved = time.monotonic()
                seconds = clock.seconds()
                trained = (per_epoch - before) * images // per_epoch
                losses = list(place.losses)
                validation = self._validate()
                result = self.loop.finish_epoch(validation)
                self.timing.append(
                    {
                        "epoch": result.epoch,
                        "images": trained,
                        "seconds": round(seconds, 3),
                        "images_per_second": round(trained / seconds, 1),
                        "seconds_waited_for_data": round(self.loop.batches.waited - waited, 3),
                        "seconds_with_validation": round(clock.seconds(), 3),
                    }
                )
                self._tell(result, losses, validation, trained / seconds)
                self._save()
                saved = time.monotonic()

    def finish(self) -> dict[str, Any]:
        """Evaluate the chosen model, write the outputs, and return the run's record."""
        from cxrmine.training.results import write_results

        self.model.load_state_dict(self.loop.best)
        if self._events:
            self._events.close()
        outputs = write_results(
            self.folder.merging,
            task=self.task,
            recipe=self.settings.recipe,
            model=self.model,
            predictor=self.predictor,
            cache=self.cache,
            place=self.loop.place,
            warnings=self.warnings,
            first=self.processes.first,
        )
        if not self.processes.first:
            return {}
        os.replace(self.folder.parts / event_file.NAME, self.folder.merging / event_file.NAME)
        names = sorted(entry.name for entry in self.folder.merging.iterdir())
        for name in names:
            os.replace(self.folder.merging / name, self.folder.path / name)
        record = {**self._record(), "results": outputs, "outputs": names}
        timing = {
            "seconds": round(time.perf_counter() - self.seconds_before, 3),
            "device": self._device_name(),
            "threads": torch.get_num_threads(),
            "images_resident_on_device": self.loop.batches.resident,
            "epochs": self.timing,
        }
        self.folder.add_json("timing.json", timing)
        self.folder.add_json("run.json", record)
        self.folder.finish()
        return record

    def _batches(self) -> Batches:
        recipe, processes = self.settings.recipe, self.processes
        together = recipe.training.batch * recipe.training.accumulation
        share, rest = divmod(together, processes.world)
        if rest:
            raise UserError(
                f"{together} images a step (training.batch × training.accumulation) cannot be "
                f"shared by {processes.world} processes; change one of the three."
            )
        augment, data = recipe.augment, recipe.data
        config = AugmentConfig(
            size=data.crop,
            crop_area=augment.crop_area,
            crop_aspect=augment.crop_aspect,
            rotation=augment.rotation,
            flip=0.5 if augment.flip else 0.0,
            normalize=data.normalize,  # type: ignore[arg-type]
        )
        return Batches(
            self.cache,
            self.task.labels,
            self.task.train,
            share,
            recipe.training.seed,
            self.device,
            Augment(config, channels_last=True),
            processes.rank,
            processes.world,
        )

    def _validate(self) -> Validation | None:
        if not len(self.task.val):
            return None
        return self.predictor.validate(self.task.labels, self.task.val)

    def _due(self, saved: float, step: int) -> bool:
        if self.processes.world > 1 and step % _STEPS_BETWEEN_LOOKS:
            return False
        due = time.monotonic() - saved >= 60 * self.settings.checkpoint_minutes
        return bool(self.processes.from_first(due))

    def _save(self) -> None:
        self.loop.read_losses()
        if not self.processes.first:
            return
        assert self._events is not None
        place = {
            "loop": self.loop.place.recorded(),
            "events": self._events.size,
            "warnings": self.warnings,
        }
        write_checkpoint(
            self._path,
            Checkpoint(
                identity=self._identity,
                place=place,
                model=self.model.state_dict(),
                best=self.loop.best,
                optimizer=self.loop.optimizer.state_dict(),
            ),
        )

    def _restore(self) -> int:
        """Go on from the checkpoint; return how long the file of events was."""
        checkpoint = read_checkpoint(self._path, self._identity)
        restore(checkpoint, self._path, self.model, self.loop.optimizer)
        self.loop.place = Place.read(checkpoint.place["loop"])
        self.loop.best = dict(checkpoint.best)
        self.warnings = list(checkpoint.place["warnings"])
        return int(checkpoint.place["events"])

    def _warn(self, sentence: str) -> None:
        self.warnings.append(sentence)
        if self._display:
            self._display.say(sentence + ".")

    def _tell(
        self,
        result: EpochResult,
        losses: list[float],
        validation: Validation | None,
        rate: float,
    ) -> None:
        if not self._display or not self._events:
            return
        epochs = self.settings.recipe.training.epochs
        line = f"epoch {result.epoch} of {epochs}: loss {result.train_loss:.4f}"
        steps = len(self.loop.batches)
        first = (result.epoch - 1) * steps + 1
        for step, loss in enumerate(losses, start=first):
            self._events.scalar("train/loss", loss, step)
        at = result.epoch * steps
        self._events.scalar("train/learning rate", result.lr, at)
        if validation is not None:
            self._events.scalar("val/loss", validation.loss, at)
            line += f", validation loss {validation.loss:.4f}"
            if validation.auc is not None:
                self._events.scalar("val/mean AUC", validation.auc, at)
                line += f", mean AUC {validation.auc:.3f}"
            for name, value in validation.findings.items():
                if value is not None:
                    self._events.scalar(f"val AUC/{name}", value, at)
        self._display.say(f"{line}, {rate:,.0f} images/s.")

    def _show_first_batch(self) -> None:
        """Put the first images as the network sees them into the events."""
        assert self._events is not None
        x, _, _ = next(self.loop.batches.epoch(0))
        grey = x[:_SHOWN, 0].float().cpu().numpy()
        low, high = np.percentile(grey, [0.5, 99.5])
        shown = np.clip((grey - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
        columns = 4
        blank = np.zeros((-len(shown) % columns, *shown.shape[1:]), np.uint8)
        tiles = np.concatenate([shown, blank])
        side = tiles.shape[1]
        rows_of_tiles = tiles.reshape(-1, columns, side, side).swapaxes(1, 2)
        sheet = rows_of_tiles.reshape(-1, columns * side)
        self._events.image("train/first batch", _png(sheet), sheet.shape[1], sheet.shape[0], 0)

    def _record(self) -> dict[str, Any]:
        place, recipe = self.loop.place, self.settings.recipe
        half = in_half(self.device, recipe.training.precision)
        return {
            "command": COMMAND,
            "version": cxrmine.__version__,
            "name": recipe.name,
            **self.task.identity,
            "cache": {"key": self.cache.key, "checked_by": self.cache.checked_by},
            "findings": list(self.task.labels.names),
            "counts": {
                "train": len(self.task.train),
                "val": len(self.task.val),
                "test": len(self.task.test),
                "warnings": len(dict.fromkeys(self.warnings)),
            },
            "training": {
                "epochs": place.epoch,
                "chosen_epoch": place.best_epoch,
                "images_at_once": place.batch,
                "images_a_step": self.loop.batches.batch * self.processes.world,
                "processes": self.processes.world,
                "device": self.device.type,
                "precision": "bf16" if half else "float32",
            },
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
        }

    def _device_name(self) -> str:
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return f"CPU ({platform.machine()})"


def _png(image: NDArray[np.uint8]) -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return buffer.getvalue()
