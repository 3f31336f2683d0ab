"""Weights files: whole and fitting, or refused by name; ImageNet's with and without internet."""

from __future__ import annotations

import hashlib
import pickle
import re

import pytest

pytest.importorskip("torch", reason="the extra [train] is not installed")
pytest.importorskip("safetensors", reason="the extra [train] is not installed")

import torch
from made_network import made_architecture
from safetensors.torch import save_file

from cxrmine.errors import UserError
from cxrmine.training.models import MODELS, create_model, load_whole, read_weights, save_weights
from cxrmine.training.models.registry import register


@pytest.fixture
def made():
    register(made_architecture())
    yield "made"
    del MODELS["made"]


def same(a, b):
    return all(torch.equal(v, b.state_dict()[k]) for k, v in a.state_dict().items())


def test_a_classifier_comes_back_to_the_bit(made, tmp_path):
    torch.manual_seed(0)
    model = create_model(made, 3, pooling="lse", r=10.0)
    model(torch.randn(4, 3, 16, 16))
    path = tmp_path / "model.safetensors"
    save_weights(model, path, extra={"epoch": 3, "names": ["Mass", "Nodule"]})
    again = create_model(made, 3, pooling="lse", r=10.0, weights=path)
    assert same(model, again)
    assert read_weights(path)[1]["epoch"] == 3
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
    save_weights(
        again, tmp_path / "again.safetensors", extra={"epoch": 3, "names": ["Mass", "Nodule"]}
    )
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"outputs": 4}, "outputs is 3 there and 4 here"),
        ({"transition": "none"}, "transition is 5 there and None here"),
        ({"pooling": "lse", "r": 3.0}, "pooling is 'average' there and 'lse' here"),
        ({"stride": 2}, "stride is 4 there and 2 here"),
    ],
)
def test_weights_of_another_model_are_refused(made, tmp_path, change, told):
    """Also where every shape fits: another pooling makes another function."""
    path = tmp_path / "model.safetensors"
    save_weights(create_model(made, 3), path)
    with pytest.raises(UserError, match=re.escape(told)):
        create_model(made, **{"outputs": 3, **change}, weights=path)


def misfit(kind, tensors):
    if kind == "missing":
        del tensors["prediction.bias"]
    elif kind == "not of this model":
        tensors["prediction.scale"] = torch.zeros(3)
    elif kind == "of another shape":
        tensors["prediction.weight"] = torch.zeros(4, 5)
    elif kind == "whole numbers where fractions belong":
        tensors["prediction.bias"] = torch.zeros(3, dtype=torch.int32)
    else:
        tensors["trunk.conv2.weight"][0, 0, 0, 0] = float("nan")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("missing", "prediction.bias"),
        ("not of this model", "prediction.scale"),
        ("of another shape", "prediction.weight (4, 5) instead of (3, 5)"),
        ("whole numbers where fractions belong", "prediction.bias"),
        ("not finite", "trunk.conv2.weight"),
    ],
)
def test_partial_and_spoiled_weights_are_refused_by_name(made, tmp_path, kind, name):
    torch.manual_seed(0)
    tensors = {k: v.clone() for k, v in create_model(made, 3).state_dict().items()}
    misfit(kind, tensors)
    path = tmp_path / "model.safetensors"
    save_file(tensors, path)
    with pytest.raises(UserError, match=re.escape(f"{kind}: {name}")) as told:
        create_model(made, 3, weights=path)
    assert str(path) in str(told.value)
    torch.manual_seed(1)
    model = create_model(made, 3)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(UserError):
        load_whole(model, tensors, "It")
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_of_many_misfits_some_are_named_and_the_rest_counted(made):
    with pytest.raises(
        UserError,
        match=r"missing: trunk.conv1.weight, trunk.bn1.weight, trunk.bn1.bias, "
        r"trunk.bn1.running_mean and 8 more",
    ):
        load_whole(create_model(made, 3), {}, "It")


def test_a_full_disk_leaves_no_half_and_is_an_error_of_the_system(made, tmp_path):
    """Which commands know how to tell; safetensors' own file writer raises its own kind."""
    model, path = create_model(made, 3), tmp_path / "model.safetensors"
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_weights(model, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", [0, 4, 60, -1])
def test_a_file_that_was_cut_off_is_refused(made, tmp_path, kept):
    path = tmp_path / "model.safetensors"
    save_weights(create_model(made, 3), path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match="not a whole safetensors file"):
        create_model(made, 3, weights=path)


def test_a_file_that_is_not_there_or_of_another_kind_is_refused(made, tmp_path):
    for name in ("no.safetensors", "no.pth"):
        with pytest.raises(UserError, match=f"{name}' is not there"):
            create_model(made, 3, weights=tmp_path / name)
    with pytest.raises(UserError, match=r"'random', 'imagenet' or a .safetensors file, not 'Imag"):
        create_model(made, 3, weights="Imagenet")


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_a_state_dict_of_the_uncut_network_fills_the_trunk(made, tmp_path, suffix):
    """As torchvision writes it: no prefix, a classification layer; old ones count no batches."""
    torch.manual_seed(0)
    source = create_model(made, 3)
    source.trunk.bn1.running_mean += 1
    state = {k: v.clone() for k, v in source.trunk.state_dict().items()}
    del state["bn1.num_batches_tracked"]
    state["fc.weight"] = torch.zeros(1000, 6)
    path = tmp_path / f"whole.{suffix}"
    if suffix == "pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    torch.manual_seed(1)
    model = create_model(made, 3, weights=path)
    assert same(source.trunk, model.trunk)
    assert not torch.equal(source.prediction.weight, model.prediction.weight)


class Harmful:
    def __reduce__(self):
        return (print, ("run by the file",))


def test_a_pickle_that_holds_more_than_tensors_is_not_run(made, tmp_path, capsys):
    path = tmp_path / "model.pth"
    path.write_bytes(pickle.dumps(Harmful(), protocol=2))
    with pytest.raises(UserError, match="is not read for safety"):
        create_model(made, 3, weights=path)
    torch.save({"epoch": 3, "state": {}}, path)
    with pytest.raises(UserError, match="other than a state dict"):
        create_model(made, 3, weights=path)
    assert "run by the file" not in capsys.readouterr().out


def test_a_pickle_that_was_cut_off_is_refused(made, tmp_path):
    path = tmp_path / "model.pth"
    torch.save(create_model(made, 3).trunk.state_dict(), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="is cut off"):
        create_model(made, 3, weights=path)


@pytest.fixture
def on_a_server(tmp_path, monkeypatch):
    """ImageNet weights at an address that torch really fetches, and an empty cache for them."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    torch.manual_seed(7)
    trunk = made_architecture().build(4)
    server = tmp_path / "server"
    server.mkdir()
    written = server / "made.pth"
    torch.save({**trunk.state_dict(), "fc.bias": torch.zeros(9)}, written)
    digest = hashlib.sha256(written.read_bytes()).hexdigest()[:8]
    address = written.rename(server / f"made-{digest}.pth")
    register(made_architecture("fetched", address.as_uri()))
    yield trunk, address, tmp_path / "home" / "hub" / "checkpoints" / address.name
    del MODELS["fetched"]


def test_imagenet_weights_are_fetched_once(on_a_server):
    trunk, address, cached = on_a_server
    assert same(trunk, create_model("fetched", 2, weights="imagenet").trunk)
    assert cached.is_file()
    address.unlink()
    assert same(trunk, create_model("fetched", 2, weights="imagenet", freeze=True).trunk)


def test_offline_it_says_what_to_fetch_and_where_to_put_it(on_a_server):
    trunk, address, cached = on_a_server
    carried = address.read_bytes()
    address.unlink()
    with pytest.raises(UserError) as told:
        create_model("fetched", 2, weights="imagenet")
    assert address.as_uri() in str(told.value)
    assert str(cached) in str(told.value)
    assert list(cached.parent.iterdir()) == []
    # Doing as told helps.
    cached.write_bytes(carried)
    assert same(trunk, create_model("fetched", 2, weights="imagenet").trunk)


def test_without_a_network_it_is_one_sentence(tmp_path, monkeypatch):
    """The real address through a proxy that is not there: what a firewall looks like."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(UserError, match=r"resnet18-f37072fd\.pth") as told:
        create_model("resnet18", 2, weights="imagenet")
    assert "\n" not in str(told.value)
    assert told.value.exit_code == 2


@pytest.mark.parametrize("where", ["server", "cache"])
def test_damaged_imagenet_weights_are_refused(on_a_server, where):
    _, address, cached = on_a_server
    damaged = address.read_bytes()[:-50]
    if where == "server":
        address.write_bytes(damaged)
    else:
        cached.parent.mkdir(parents=True)
        cached.write_bytes(damaged)
    told = "invalid hash value" if where == "server" else "are damaged"
    with pytest.raises(UserError, match=told):
        create_model("fetched", 2, weights="imagenet")
    assert cached.is_file() == (where == "cache")


def test_a_network_without_imagenet_weights_says_so(made):
    with pytest.raises(UserError, match="no ImageNet weights for made"):
        create_model(made, 2, weights="imagenet")
