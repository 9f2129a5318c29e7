"""hnswlib is compiled for processors with AVX2 unless asked otherwise (see constraints/hnswlib). The C library refuses
to load that on an older one; this puts the refusal into words."""

_REFUSAL = "CPU ISA level is lower than required"


class UnsuitableProcessorError(ImportError):
    """A library is compiled for newer processors; the message says how to get one that runs here."""


def explained(error: ImportError) -> ImportError:
    """Return what to raise in place of hnswlib's failure to load: the error itself where it is another one."""
    if _REFUSAL not in str(error):
        return error
    return UnsuitableProcessorError(
        "hnswlib is compiled for newer processors than this one (it lacks AVX2 or AVX-512). Run `make setup` on this "
        "machine, or build the image with `--build-arg HNSWLIB_ARCH=` to have it run on any processor"
    )
