"""What decodes on a device: nvCOMP, behind the one function that is asked of it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from dqwatch.errors import MissingExtraError, UsageError
from dqwatch.feed.devices import Device
from dqwatch.sources.zarr_codecs import DecodeError

DECODERS = ("host", "nvcomp")
"""Where chunks may be decoded: by threads of this machine, or on the device."""


class Decoder(Protocol):
    """Decodes many small pieces at once, on a device."""

    def decode(self, algorithm: str, given: Any, places: np.ndarray, out: Any, targets: np.ndarray) -> None:
        """Decode pieces of one tensor into places of another.

        Parameters
        ----------
        algorithm : str
            'LZ4' (blocks), 'Zstd' (frames) or 'Deflate' (bare streams).
        given : torch.Tensor uint8 (byte,)
            Holds the pieces.
        places : np.ndarray int64 (piece, 2)
            Offset and size of each, bytes; offsets are multiples of 16.
        out : torch.Tensor uint8 (byte,)
        targets : np.ndarray int64 (piece, 2)
            Offset in `out`, a multiple of 16, and length of what each decodes to.

        Raises
        ------
        DecodeError
            If a piece is broken, or decodes to another length.
        """


def check_decoder(decoder: str, device: Device) -> None:
    """Make sure that a decoder can be used with a device.

    Raises
    ------
    UsageError
        If it is none of `DECODERS`, or the device is no CUDA device.
    MissingExtraError
        If it needs nvCOMP, which is not installed.
    """
    if decoder not in DECODERS:
        raise UsageError(f"decoder: got '{decoder}'; give {' or '.join(DECODERS)}")
    if decoder == "host":
        return
    if device.kind != "cuda":
        raise UsageError(f"decoder: '{decoder}' decodes on a CUDA device, got device '{device}'; give device cuda")
    load_nvcomp()


def load_nvcomp() -> Any:
    """The package nvidia.nvcomp.

    Raises
    ------
    MissingExtraError
        If it is not installed, or older than what is asked of it.
    """
    try:
        from nvidia import nvcomp
    except ImportError as error:
        raise MissingExtraError("decoder: nvcomp is not installed; pip install 'dqwatch[nvcomp]'") from error
    if not hasattr(nvcomp, "BatchArray"):
        raise MissingExtraError(
            f"decoder: got nvcomp {nvcomp.__version__}, 6.0 or later is needed; pip install 'dqwatch[nvcomp]'"
        )
    return nvcomp


class NvcompDecoder:
    """nvCOMP on one stream of a CUDA device; for one thread.

    Parameters
    ----------
    device : int
    stream : int
        The `cudaStream_t`, on which everything is queued.
    """

    def __init__(self, device: int, stream: int) -> None:
        self._nvcomp = load_nvcomp()
        self._device, self._stream = device, stream
        self._codecs: dict[str, Any] = {}

    def decode(self, algorithm: str, given: Any, places: np.ndarray, out: Any, targets: np.ndarray) -> None:
        """See `Decoder.decode`; waits for the stream, which is how nvCOMP learns lengths."""
        codec = self._codecs.get(algorithm)
        try:
            if codec is None:
                codec = self._codecs[algorithm] = self._nvcomp.Codec(
                    algorithm=algorithm,
                    device_id=self._device,
                    cuda_stream=self._stream,
                    bitstream_kind=self._nvcomp.BitstreamKind.RAW,
                )
            arrays = [
                self._nvcomp.as_arrays(tensor, *table.T.tolist(), cuda_stream=self._stream)
                for tensor, table in ((given, places), (out, targets))
            ]
            found = codec.decode(arrays[0], out=arrays[1])
            sizes = list(found.buffer_sizes)
        except (RuntimeError, ValueError) as error:  # nvCOMP has no errors of its own
            raise DecodeError(f"nvCOMP: {' '.join(str(error).split())}") from error
        if sizes != targets[:, 1].tolist():
            wrong = next(i for i, size in enumerate(sizes) if size != targets[i, 1])
            raise DecodeError(f"decodes to {sizes[wrong]} bytes, {targets[wrong, 1]} are expected")
