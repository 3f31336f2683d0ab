"""Recipes: what a training run does, in one YAML file that a reader can check against the paper.

The keys are the fields of `Recipe` and of the small classes it is made of; nothing else knows
them. A recipe is checked without pydantic, because the machine with the accelerator has none: a
key that is unknown or missing, or a value that the key does not allow, ends in one sentence with
the file, the line and what may stand there. ``--set pooling.r=10`` goes through the same checks.
"""

from __future__ import annotations

import hashlib
import json
import math
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, is_dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from cxrmine.errors import UserError

#: Keys that say what a recipe is about and change no number of a run.
_PROSE = ("name", "explain", "paper", "published", "sweep", "repeats")


def _key(
    default: Any = MISSING,
    *,
    choices: Sequence[object] = (),
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
) -> Any:
    """Return a field that a recipe's checker knows the allowed values of."""
    return field(
        default=default,
        metadata={"choices": tuple(choices), "low": low, "above": above, "high": high},
    )


@dataclass(frozen=True)
class Published:
    """Figures that a paper prints for the recipe.

    Parameters
    ----------
    where : str
        Table or figure, model and data they were measured on.
    auc : mapping
        Area under the ROC curve by finding; empty where the paper gives only a mean.
    mean_auc : float, optional
        Mean over the findings, as printed.
    """

    where: str
    auc: Mapping[str, float] = field(default_factory=dict)
    mean_auc: float | None = _key(None, low=0, high=1)


@dataclass(frozen=True)
class Pooling:
    """How the maps become one number each: ``average``, ``max`` or ``lse`` with its `r`.

    Log-sum-exp pooling lies between the two: the average for r → 0, the maximum for r → ∞ (Wang
    et al. 2017, equation 3). Pooled are the features before the prediction layer, as in that
    paper, or, with `over` set to ``maps``, what the prediction layer says at each place (Pinheiro
    and Collobert, CVPR 2015): then a finding's map is trained to be low wherever it is not.
    """

    kind: str = _key("average", choices=("average", "max", "lse"))
    r: float = _key(10.0, above=0)
    over: str = _key("features", choices=("features", "maps"))


@dataclass(frozen=True)
class Data:
    """Sides in pixels of the cached image and of the model's input, and the grey values' scale."""

    size: int = _key(256, low=32, high=1024)
    crop: int = _key(224, low=32, high=1024)
    normalize: str = _key("imagenet", choices=("imagenet", "per-image"))


@dataclass(frozen=True)
class Augmentation:
    """What every training image is drawn from.

    Parameters
    ----------
    crop_area, crop_aspect : tuple of float
        Ranges of the crop's share of the area and of its width by its height (Baltruschat et
        al. 2019, section "Training": 8-100 % and 3:4-4:3).
    rotation : float
        Largest angle, in degrees, either way.
    flip : bool
        Whether half of the images are mirrored.
    """

    crop_area: tuple[float, float] = _key((0.08, 1.0), above=0, high=1)
    crop_aspect: tuple[float, float] = _key((0.75, 1.3333333333333333), above=0)
    rotation: float = _key(7.0, low=0, high=180)
    flip: bool = True


@dataclass(frozen=True)
class Optimizer:
    """``sgd`` (with momentum), ``adam`` or ``adamw``; the rate is that at the batch as it is."""

    kind: str = _key("adam", choices=("sgd", "adam", "adamw"))
    lr: float = _key(0.001, above=0)
    momentum: float = _key(0.9, low=0, high=1)
    weight_decay: float = _key(0.0, low=0)


@dataclass(frozen=True)
class Schedule:
    """How the learning rate moves: ``constant``, ``step``, ``plateau`` or ``cosine``.

    Parameters
    ----------
    kind : str
    every : int
        Epochs between two steps (``step``).
    factor : float
        What the rate is multiplied with at a step or on a plateau.
    patience : int
        Epochs without a lower validation loss after which the rate falls (``plateau``).
    warmup : float
        Epochs over which the rate rises from 0, linearly; any kind.
    """

    kind: str = _key("constant", choices=("constant", "step", "plateau", "cosine"))
    every: int = _key(10, low=1)
    factor: float = _key(0.1, above=0, high=1)
    patience: int = _key(0, low=0)
    warmup: float = _key(0.0, low=0)


@dataclass(frozen=True)
class Training:
    """The loop.

    Parameters
    ----------
    epochs : int
    batch, accumulation : int
        Images a step forward and steps whose gradients are added up; their product is what the
        optimiser sees (ChestX-ray8 keeps it at 80). Over all processes.
    precision : str
        ``bf16`` (autocast, on GPUs and on processors that multiply it in hardware; others compute
        in float32 all the same) or ``float32``.
    compile : bool
        Whether torch.compile makes kernels of the model; GPU only.
    early_stopping : int
        Epochs without a better validation result after which training ends; 0 for never.
    monitor : str
        What "better" is, and by which epoch the model is chosen: ``auc`` (mean over the
        findings; of equal ones the lower loss) or ``loss``, both on the validation part; with
        ``last`` no epoch is chosen and none stops the run early.
    seed : int
        Of the first weights, of the order of images and of every augmentation.
    """

    epochs: int = _key(20, low=1)
    batch: int = _key(80, low=1)
    accumulation: int = _key(1, low=1)
    precision: str = _key("bf16", choices=("bf16", "float32"))
    compile: bool = False
    early_stopping: int = _key(0, low=0)
    monitor: str = _key("auc", choices=("auc", "loss", "last"))
    seed: int = _key(0, low=0, high=2**31 - 1)


@dataclass(frozen=True)
class Recipe:
    """One training run.

    Parameters
    ----------
    name, explain, paper : str
        What ``--recipe list`` tells.
    published : Published, optional
        The paper's figures.
    model : str
        A name of `cxrmine.training.models.MODELS`.
    weights : str
        ``random``, ``imagenet`` or a safetensors file.
    freeze : bool
        Whether only the head learns ("off the shelf").
    transition : int or str
        Channels of the transition layer between trunk and pooling; ``default`` for the
        network's own, ``none`` for no such layer.
    stride : int, optional
        Pixels of the input a cell of the feature map; by default the network's own.
    dilate : bool
        Whether the filters behind a reduction that a smaller `stride` leaves out are spread, so
        that they see as much of the image as before. Weights trained with the reduction need it;
        without it a cell sees less of the image, and a heat map points more exactly.
    bias : str
        What the prediction layer's biases begin with: torch's small random numbers (``default``),
        or each finding's log odds among the training images (``prior``; Lin et al., ICCV 2017,
        section 3.3), so that maps say from the start what differs from the usual image.
    pooling, data, augment, optimizer, schedule, training
        See their classes.
    outputs : 14, 15, "columns" or tuple of str
        The findings of ChestX-ray14; these and No Finding; the columns of the labels; or
        findings by name.
    uncertain : str
        What a label of -1 becomes: nothing (``ignore``), 0 or 1.
    loss : str
        A name of `cxrmine.training.losses.LOSSES`.
    split : str
        A column of ``splits.csv``, or ``fold 2 of 5`` for cross-validation by patient.
    sweep : mapping
        Keys and the values that a sweep gives them; ready sweeps only.
    repeats : int
        On how many re-sampled splits the run is repeated; 1 for only on `split`.
    """

    name: str
    explain: str
    model: str
    paper: str = ""
    published: Published | None = None
    weights: str = "random"
    freeze: bool = False
    transition: int | str = "default"
    stride: int | None = _key(None, low=1)
    dilate: bool = True
    bias: str = _key("default", choices=("default", "prior"))
    pooling: Pooling = field(default_factory=Pooling)
    outputs: int | str | tuple[str, ...] = _key("columns", choices=(14, 15, "columns"))
    uncertain: str = _key("ignore", choices=("ignore", "zeros", "ones"))
    data: Data = field(default_factory=Data)
    augment: Augmentation = field(default_factory=Augmentation)
    loss: str = "cel"
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    training: Training = field(default_factory=Training)
    split: str = "split"
    sweep: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    repeats: int = _key(1, low=1)

    def settings(self) -> dict[str, Any]:
        """Return what decides the run's numbers, by dotted key, as JSON can hold it."""
        whole = json.loads(json.dumps(asdict(self)))
        return _flat({key: value for key, value in whole.items() if key not in _PROSE})

    def digest(self) -> str:
        """Return the SHA-256 of `settings`: the same for recipes that train the same."""
        text = json.dumps(self.settings(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def as_yaml(self) -> str:
        """Return the whole recipe, every key written out, as a YAML file that reads back."""
        import yaml

        whole = json.loads(json.dumps(asdict(self)))
        if self.published is None:
            del whole["published"]
        elif self.published.mean_auc is None:
            del whole["published"]["mean_auc"]
        text: str = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=98)
        return text


def recipe_names() -> tuple[str, ...]:
    """Return the names of the recipes that come with cxrmine, in order."""
    found = (entry.name for entry in files("cxrmine.recipes").iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml")))


def load_recipe(name: str, changes: Iterable[str] = ()) -> Recipe:
    """Return a recipe by its name or its file, with changes.

    Parameters
    ----------
    name : str
        A name of `recipe_names`, or the path of a YAML file.
    changes
        ``KEY=VALUE`` each, the key dotted (``pooling.r=10``), the value as YAML writes it.

    Raises
    ------
    UserError
        If there is no such recipe, or it or a change is wrong; says where and what is allowed.
    """
    path = Path(name)
    if path.suffix.lower() in (".yaml", ".yml"):
        if not path.is_file():
            raise UserError(f"--recipe {name!r} does not exist; check the path.")
        return change_recipe(read_recipe(path), changes)
    known = recipe_names()
    if name not in known:
        raise UserError(
            f"--recipe {name!r} does not exist; use {', '.join(known)}, or the path of a YAML file."
        )
    from importlib.resources import as_file

    with as_file(files("cxrmine.recipes") / f"{name}.yaml") as shipped:
        return change_recipe(read_recipe(shipped), changes)


def read_recipe(path: Path) -> Recipe:
    """Read a recipe's file.

    Raises
    ------
    UserError
        With the file, the line, the key and what is allowed there.
    """
    from cxrmine.yamlfile import load_yaml

    content = load_yaml(path)
    try:
        return _recipe(content)
    except _Wrong as wrong:
        line = _line(path, wrong.key)
        raise UserError(f"{path.name}, line {line}: {wrong}.") from None


def recipe_from_text(text: str, where: str) -> Recipe:
    """Return the recipe that `Recipe.as_yaml` wrote; `where` is what a message calls the text."""
    import yaml

    try:
        return _recipe(yaml.safe_load(text))
    except yaml.YAMLError:
        raise UserError(f"{where} is not valid YAML; take the file that a run wrote.") from None
    except _Wrong as wrong:
        raise UserError(f"{where}: {wrong}.") from None


def change_recipe(recipe: Recipe, changes: Iterable[str], option: str = "--set") -> Recipe:
    """Return a recipe with other values for some keys.

    Parameters
    ----------
    recipe : Recipe
    changes
        ``KEY=VALUE`` each; the last one for a key counts.
    option : str
        What the messages call the place they come from.
    """
    content = json.loads(json.dumps(asdict(recipe)))
    given: dict[str, str] = {}
    for change in changes:
        key, equals, text = change.partition("=")
        key = key.strip()
        if not equals or not key:
            raise UserError(
                f"{option} {change!r}: write a key and its value, as in {option} pooling.r=10."
            )
        _assign(content, key, _value(text, f"{option} {change!r}"), option)
        given[key] = change
    if not given:
        return recipe
    try:
        # Together, because some keys are checked against others.
        return _recipe(content)
    except _Wrong as wrong:
        near = [change for key, change in given.items() if wrong.key.startswith(key)]
        where = " ".join(f"{option} {change!r}" for change in near or given.values())
        raise UserError(f"{where}: {wrong}.") from None


def parse_values(text: str, option: str) -> tuple[str, tuple[str, ...]]:
    """Return the key and the values of ``KEY=A,B,C``.

    Raises
    ------
    UserError
        If there is no key, or fewer than two different values.
    """
    key, equals, values = text.partition("=")
    parts = tuple(dict.fromkeys(part.strip() for part in values.split(",") if part.strip()))
    if not equals or not key.strip() or len(parts) < 2:
        raise UserError(
            f"{option} {text!r}: write a key and two values or more, as in {option} "
            "pooling.r=1,5,10."
        )
    return key.strip(), parts


def with_split(recipe: Recipe, split: str) -> Recipe:
    """Return the recipe for another split."""
    return replace(recipe, split=split)


class _Wrong(Exception):
    """A key that is wrong: its dotted name and what is the matter."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(f"{key or 'the recipe'} {what}")
        self.key = key


def _recipe(content: object) -> Recipe:
    recipe: Recipe = _checked(Recipe, content, "", {})
    if recipe.data.crop > recipe.data.size:
        raise _Wrong(
            "data.crop",
            f"is {recipe.data.crop}, more than data.size ({recipe.data.size}); write at most that",
        )
    if not recipe.name or not recipe.explain:
        raise _Wrong("name" if not recipe.name else "explain", "is empty; write a text")
    for key, values in recipe.sweep.items():
        for value in values:
            varied = json.loads(json.dumps({**asdict(recipe), "sweep": {}}))
            try:
                _assign(varied, key, value, "sweep")
                _recipe(varied)
            except UserError as error:
                raise _Wrong("sweep", f"has a wrong key: {error}".rstrip(".")) from None
            except _Wrong as wrong:
                raise _Wrong("sweep", f"has a wrong value: {wrong}") from None
    return recipe


def _checked(kind: Any, value: Any, where: str, limits: Mapping[str, Any]) -> Any:
    """Return `value` as the type `kind` has it, or raise `_Wrong`."""
    if is_dataclass(kind):
        return _section(kind, value, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _union(arguments, value, where, limits)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return _range(value, where, limits)
    if origin is tuple:
        if not isinstance(value, list) or not value:
            raise _Wrong(where, f"is {_shown(value)}; write a list, as in [1, 2]")
        return tuple(value)
    if origin is not None:  # a mapping
        if not isinstance(value, dict):
            raise _Wrong(where, f"is {_shown(value)}; write keys with their values")
        return {
            str(key): _checked(arguments[1], entry, f"{where}.{key}", limits)
            for key, entry in value.items()
        }
    scalar = _scalar(kind, value, where)
    _within(scalar, where, limits)
    return scalar


def _section(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _Wrong(where, f"is {_shown(value)}; write keys with their values, as in key: value")
    keys: dict[str, Field[Any]] = {key.name: key for key in fields(kind)}
    prefix = f"{where}." if where else ""
    for name in value:
        if name not in keys:
            raise _Wrong(f"{prefix}{name}", f"is an unknown key; use one of {', '.join(keys)}")
    hints = _hints(kind)
    given: dict[str, Any] = {}
    for name, key in keys.items():
        if name in value:
            given[name] = _checked(hints[name], value[name], prefix + name, key.metadata)
        elif key.default is MISSING and key.default_factory is MISSING:
            raise _Wrong(prefix + name, "is missing; add it")
    return kind(**given)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _union(arguments: tuple[Any, ...], value: Any, where: str, limits: Mapping[str, Any]) -> Any:
    others = [argument for argument in arguments if argument is not types.NoneType]
    if value is None and len(others) < len(arguments):
        return None
    if len(others) == 1:
        return _checked(others[0], value, where, limits)
    if isinstance(value, list) and any(get_origin(k) is tuple for k in others):
        if not value or not all(isinstance(entry, str) for entry in value):
            raise _Wrong(where, f"is {_shown(value)}; write a list of names, as in [A, B]")
        return tuple(value)
    kind = next((k for k in others if type(value) is k), None)
    if kind is None:
        raise _Wrong(where, f"is {_shown(value)}; write a whole number or a word")
    _within(value, where, limits)
    return value


def _range(value: Any, where: str, limits: Mapping[str, Any]) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise _Wrong(where, f"is {_shown(value)}; write the two ends, as in [0.5, 1]")
    low, high = (_scalar(float, end, where) for end in value)
    for end in (low, high):
        _within(end, where, limits)
    if low > high:
        raise _Wrong(where, f"is {_shown(value)}; write the lower end first")
    return low, high


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is bool:
        if not isinstance(value, bool):
            raise _Wrong(where, f"is {_shown(value)}; write true or false")
        return value
    if kind is str:
        if not isinstance(value, str):
            raise _Wrong(where, f"is {_shown(value)}; write a text (in quotes if it is a number)")
        return value
    if kind is int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _Wrong(where, f"is {_shown(value)}; write a whole number")
        return value
    number = math.nan
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)  # YAML 1.1 takes 1e-3, without a point, for a text
        except ValueError:
            number = math.nan
    if not math.isfinite(number):
        raise _Wrong(where, f"is {_shown(value)}; write a number")
    return number


def _within(value: Any, where: str, limits: Mapping[str, Any]) -> None:
    choices = limits.get("choices", ())
    if choices and not any(value == c and type(value) is type(c) for c in choices):
        raise _Wrong(where, f"is {_shown(value)}; use {', '.join(map(str, choices))}")
    for name, sentence in (
        ("low", "write a number of {} or more"),
        ("above", "write a number above {}"),
        ("high", "write a number of {} or less"),
    ):
        limit = limits.get(name)
        if limit is None:
            continue
        fits = {"low": value >= limit, "above": value > limit, "high": value <= limit}[name]
        if not fits:
            raise _Wrong(where, f"is {_shown(value)}; {sentence.format(f'{limit:g}')}")


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"


def _value(text: str, where: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"{where}: the value is not valid YAML; write it as in a recipe.") from None


def _assign(content: dict[str, Any], key: str, value: Any, option: str) -> None:
    """Set a dotted key in nested mappings."""
    *sections, last = key.split(".")
    place: Any = content
    for section in sections:
        place = place.get(section) if isinstance(place, dict) else None
    if not isinstance(place, dict) or (last not in place and place is not content):
        at = ".".join(sections)
        inside = sorted(_flat(content)) if not isinstance(place, dict) else list(place)
        raise UserError(
            f"{option} {key}: there is no such key"
            + (f" in {at!r}" if isinstance(place, dict) else "")
            + f"; use one of {', '.join(inside)}."
        )
    place[last] = value


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def _line(path: Path, key: str) -> int:
    """Return the line, from 1, of a dotted key, or of the nearest section around it."""
    import yaml

    node: Any = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader)
    line = 1
    for part in key.split("."):
        if not isinstance(node, yaml.MappingNode):
            break
        found = next(((k, v) for k, v in node.value if k.value == part), None)
        if found is None:
            break
        line = found[0].start_mark.line + 1
        node = found[1]
    return line
