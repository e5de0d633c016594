"""Networks as ONNX files: any picture size, the same values, nothing kept that does not compute them."""

from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from torch import nn

from srlib import cli, export
from srlib.export import ExportError, to_onnx
from srlib.models import EDSR, ESPCN, FSRCNN, MDSR, SRCNN, VDSR, WDSR, SRResNet

NETS: dict[str, tuple[Any, int]] = {
    "srcnn": (lambda: SRCNN((5, 1, 3), init="he"), 3),
    "fsrcnn": (lambda: FSRCNN(3, d=8, s=4, m=1), 3),
    "espcn": (lambda: ESPCN(2), 2),
    "vdsr": (lambda: VDSR(4, features=8), 2),
    "srresnet": (lambda: SRResNet(4, blocks=1, features=8), 4),
    "edsr": (lambda: EDSR(4, blocks=1, features=8), 4),
    "edsr, transposed": (lambda: EDSR(3, blocks=1, features=8, upsampler="transposed", output="sigmoid"), 3),
    "mdsr": (lambda: MDSR((2, 3), blocks=1, features=8), 3),
    "wdsr": (lambda: WDSR(2, blocks=2, features=8, kind="B"), 2),
}


@pytest.mark.parametrize("name", NETS)
def test_onnxruntime_computes_what_the_network_does_at_sizes_it_was_not_exported_with(
    name: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    make, scale = NETS[name]
    net = make().eval()
    file = tmp_path / "net.onnx"
    assert to_onnx(net, file, scale) <= 1e-4
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for shape in ((1, net.channels, 1, 1), (2, net.channels, 31, 7)):
        x = torch.rand(shape)
        with torch.no_grad():
            expected = net(x, scale) if isinstance(net, MDSR) else net(x)
        (answer,) = session.run(None, {"picture": x.numpy()})
        assert answer.shape == tuple(expected.shape)
        assert abs(answer - expected.numpy()).max() <= 1e-4
    assert f"x{scale}" in session.get_modelmeta().description


def test_a_file_that_computes_something_else_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = export.difference

    class Off(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.zeros(x.shape[0], 1, 2 * x.shape[2], 2 * x.shape[3])

    monkeypatch.setattr(export, "difference", lambda raw, net, channels: real(raw, Off(), channels))
    with pytest.raises(ExportError, match=r"differs by .*nothing was written"):
        to_onnx(ESPCN(2), tmp_path / "net.onnx", 2)
    assert not list(tmp_path.iterdir())


def test_a_wrong_scale_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="enlarges by x2, not x3"):
        to_onnx(ESPCN(2), tmp_path / "net.onnx", 3)


def test_the_command_writes_a_checked_file_and_does_not_overwrite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "espcn.onnx"
    call = ["export", "espcn", "-s", "3", "--onnx", str(file)]
    assert cli.main(call) == 0
    assert "largest difference" in capsys.readouterr().out
    assert cli.main(call) == 1
    assert "is there already; say --force" in capsys.readouterr().err
    assert cli.main([*call, "--force"]) == 0
