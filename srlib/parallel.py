"""Training on several processors: ``torchrun`` starts one process each, these few lines join them."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def join(device: torch.device) -> tuple[int, int]:
    """(this process's number, how many there are): (0, 1) unless ``torchrun`` started several. The first
    call meets the others, by nccl for CUDA and gloo for CPUs."""
    if not dist.is_available() or not (dist.is_initialized() or dist.is_torchelastic_launched()):
        return 0, 1
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return dist.get_rank(), dist.get_world_size()


def agree(value: Any, device: torch.device) -> Any:
    """What process 0 says, in all of them."""
    if not dist.is_available() or not dist.is_initialized():
        return value
    said = [value]
    dist.broadcast_object_list(said, src=0, device=device if device.type == "cuda" else None)
    return said[0]


def mean_over_processes(x: Tensor) -> Tensor:
    """The mean of ``x`` over all processes; ``x`` itself where there is one."""
    if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1:
        return x
    x = x.clone()
    dist.all_reduce(x)
    return x / dist.get_world_size()
