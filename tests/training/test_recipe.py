"""Recipes: those that ship, what the checker refuses, and where it says the mistake is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrmine.errors import UserError
from cxrmine.training.recipe import (
    Augmentation,
    Optimizer,
    Recipe,
    Training,
    change_recipe,
    load_recipe,
    parse_values,
    read_recipe,
    recipe_from_text,
    recipe_names,
)
from cxrmine.training.run import check_recipe

SMALL = "name: mine\nexplain: A try.\nmodel: resnet18\n"


def test_the_promised_recipes_ship() -> None:
    promised = {f"chestxray8-{name}" for name in ("alexnet", "googlenet", "vgg16", "resnet50")}
    promised |= {"chestxray8-cel", "chestxray8-wcel", "chestxray8-pooling", "baltruschat-resnet50"}
    promised |= {"densenet121", "phantom-resnet18", "phantom-resnet18-small", "smoke"}
    assert promised <= set(recipe_names())


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_is_whole(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    check_recipe(recipe)
    for key, values in recipe.sweep.items():
        for value in values:
            check_recipe(change_recipe(recipe, [f"{key}={value}"]))
    assert recipe_from_text(recipe.as_yaml(), "it") == recipe
    # Figures without a paper, or a paper's recipe without its figures, would help nobody.
    assert (recipe.published is not None) == bool(recipe.paper)
    if name.startswith("chestxray8"):
        # Section 4: batch × accumulation is 80 whatever the network.
        assert recipe.training.batch * recipe.training.accumulation == 80


def test_published_figures_are_those_of_table_3(data_dir: Path) -> None:
    import csv

    lines = (data_dir / "published" / "chestxray8_auc.csv").read_text().splitlines()
    rows = {row["setting"]: row for row in csv.DictReader(line for line in lines if line[0] != "#")}
    for name, setting in (
        ("chestxray8-alexnet", "AlexNet"),
        ("chestxray8-googlenet", "GoogLeNet"),
        ("chestxray8-vgg16", "VGGNet-16"),
        ("chestxray8-resnet50", "ResNet-50"),
        ("chestxray8-cel", "ResNet-50 CEL"),
        ("chestxray8-wcel", "ResNet-50 W-CEL"),
    ):
        published = load_recipe(name).published
        assert published is not None
        assert len(published.auc) == 8
        for finding, auc in published.auc.items():
            assert auc == float(rows[setting][finding]), (name, finding)


def test_ready_sweeps() -> None:
    assert load_recipe("chestxray8-pooling").sweep == {"pooling.r": (0.1, 0.5, 1, 5, 8, 10, 12)}
    assert load_recipe("chestxray8-losses").sweep == {"loss": ("cel", "w-cel")}
    one, other = load_recipe("chestxray8-cel"), load_recipe("chestxray8-wcel")
    differing = {k for k, v in one.settings().items() if other.settings()[k] != v}
    assert differing == {"loss"}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name: mine\nexplain: A try.\n", 1, "model is missing"),
        (SMALL + "modle: x\n", 4, "modle is an unknown key; use one of name, explain, model"),
        (SMALL + "pooling: {kind: lse, q: 3}\n", 4, "pooling.q is an unknown key; use one of kind"),
        (SMALL + "pooling:\n  kind: mean\n", 5, "'mean'; use average, max, lse"),
        (SMALL + "pooling:\n  kind: lse\n  r: 0\n", 6, "write a number above 0"),
        (SMALL + "pooling: lse\n", 4, "write keys with their values"),
        (SMALL + "training: {batch: 0}\n", 4, "write a number of 1 or more"),
        (SMALL + "training: {batch: 1.5}\n", 4, "write a whole number"),
        (SMALL + "training: {batch: true}\n", 4, "write a whole number"),
        (SMALL + "training: {compile: 1}\n", 4, "write true or false"),
        (SMALL + "optimizer: {lr: fast}\n", 4, "write a number"),
        (SMALL + "optimizer: {lr: .nan}\n", 4, "write a number"),
        (SMALL + "optimizer:\n", 4, "is empty"),
        (SMALL + "outputs: 13\n", 4, "use 14, 15, columns"),
        (SMALL + "outputs: [1, 2]\n", 4, "list of names"),
        (SMALL + "transition: 1.5\n", 4, "whole number or a word"),
        (SMALL + "data: {size: 128, crop: 224}\n", 4, "more than data.size"),
        (SMALL + "augment:\n  crop_area: [0.5, 1.5]\n", 5, "write a number of 1 or less"),
        (SMALL + "augment: {crop_area: [1, 0.5]}\n", 4, "write the lower end first"),
        (SMALL + "augment: {crop_area: 0.5}\n", 4, "write the two ends"),
        (SMALL + "sweep: {pooling.r: [1, -1]}\n", 4, "write a number above 0"),
        (SMALL + "sweep: {pooling.s: [1, 2]}\n", 4, "there is no such key"),
        (SMALL + "published: {where: x, auc: {Mass: high}}\n", 4, "write a number"),
        ("just text\n", 1, "write keys with their values"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_recipe(path)
    message = str(caught.value)
    assert message.startswith(f"mine.yaml, line {line}: ")
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("pooling.r", "write a key and its value"),
        ("=3", "write a key and its value"),
        ("pooling.s=3", "there is no such key in 'pooling'; use one of kind, r"),
        ("nothing=3", "nothing is an unknown key"),
        ("a.b.c=3", "there is no such key"),
        ("pooling.r=often", "write a number"),
        ("training.seed=-1", "write a number of 0 or more"),
        ("augment.crop_area=[0.5", "not valid YAML"),
        ("loss=", "is empty"),
    ],
)
def test_a_wrong_change_is_refused(change: str, said: str) -> None:
    with pytest.raises(UserError, match=r"^--set ") as caught:
        load_recipe("smoke", [change])
    assert said in str(caught.value)


def test_changes_reach_every_depth() -> None:
    recipe = load_recipe(
        "smoke",
        ["pooling.r=1e-1", "augment.crop_area=[0.5, 1]", "loss=w-cel", "outputs=[Mass, Edema]"],
    )
    assert recipe.pooling.r == 0.1
    assert recipe.augment.crop_area == (0.5, 1.0)
    assert (recipe.loss, recipe.outputs) == ("w-cel", ("Mass", "Edema"))


def test_a_recipe_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"use baltruschat-resnet50, .*smoke, or the path"):
        load_recipe("nothing")
    with pytest.raises(UserError, match="does not exist; check the path"):
        load_recipe("nothing.yaml")


def test_values_of_a_sweep() -> None:
    assert parse_values("pooling.r=0.1, 5,5", "--sweep") == ("pooling.r", ("0.1", "5"))
    for text in ("pooling.r", "pooling.r=1", "pooling.r=1,1", "=1,2"):
        with pytest.raises(UserError, match="two values or more"):
            parse_values(text, "--sweep")


def test_the_digest_is_of_what_is_trained() -> None:
    recipe = load_recipe("smoke")
    assert replace(recipe, explain="Other words.", name="x").digest() == recipe.digest()
    assert change_recipe(recipe, ["optimizer.lr=0.002"]).digest() != recipe.digest()
    assert load_recipe("chestxray8-wcel").digest() == load_recipe("chestxray8-resnet50").digest()


@given(
    lr=st.floats(1e-9, 10),
    seed=st.integers(0, 2**31 - 1),
    area=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)).map(lambda t: tuple(sorted(t))),
    text=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1),
)
def test_any_recipe_reads_back(lr: float, seed: int, area: tuple[float, float], text: str) -> None:
    recipe = Recipe(
        name="it",
        explain=text,
        model="resnet18",
        optimizer=Optimizer(lr=lr),
        augment=Augmentation(crop_area=area),
        training=Training(seed=seed),
    )
    assert recipe_from_text(recipe.as_yaml(), "it") == recipe
