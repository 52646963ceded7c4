"""Lets FSDP run on a CPU: accelerate turns it on for accelerators alone, though torch splits on a CPU as well.

Python imports this module at its start where this folder is in PYTHONPATH.
"""

import accelerate.state
from accelerate.utils import DistributedType

_real = accelerate.state.PartialState.__init__


def _init(self, *arguments, **options):
    _real(self, *arguments, **options)
    if self.distributed_type == DistributedType.MULTI_CPU:
        self.distributed_type = DistributedType.MULTI_GPU


accelerate.state.PartialState.__init__ = _init
