"""Chapter 4's checks where the stub and the kept answers do not reach."""

import pytest
import torch
from torch import Tensor, nn

from srlib.check import ch04


class OneByOne(nn.Module):
    """SRCNN that takes its three sizes one by one, as the chapter's own class does."""

    def __init__(self, k1: int, k2: int, k3: int, channels: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 64, k1, padding=k1 // 2),
            nn.ReLU(),
            nn.Conv2d(64, 32, k2, padding=k2 // 2),
            nn.ReLU(),
            nn.Conv2d(32, channels, k3, padding=k3 // 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layers(x)
        return found


class WithoutDefault(OneByOne):
    def __init__(self, k1: int, k2: int, k3: int, channels: int) -> None:
        super().__init__(k1, k2, k3, channels)


@pytest.mark.parametrize("network", [OneByOne, WithoutDefault])
def test_a_network_that_takes_its_sizes_one_by_one_is_right_too(network: type[nn.Module]) -> None:
    torch.manual_seed(0)
    found = ch04.check_network(network)
    assert found.state == "right", found.text
