"""Images of the head, read with nibabel: the mask that rtcog hands over, and the anatomy under the map."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, ImageDataError

from rtcog_gl.model.anatomy import PERCENTILES, Anatomy, anatomy_from_array
from rtcog_gl.model.volume import Bounds, MaskGrid

_UNREADABLE = (
    *(OSError, EOFError, MemoryError, ValueError, TypeError, KeyError, zlib.error),
    *(ImageFileError, HeaderDataError, ImageDataError),
)
"""What nibabel and the decompressors raise on files that are damaged, cut off or something else."""


def grid_from_image(img: Any) -> MaskGrid:
    """Return the mask grid of a nibabel image, or of anything with `dataobj` and `affine`: voxels > 0 are in the mask.

    Raises
    ------
    ValueError
        If the image is unreadable, is not three-dimensional (or more with one volume), has no voxel above zero, or its
        affine is singular.
    """
    data = _volume(img, "mask")
    # NaN compares false, so it is outside.
    return MaskGrid((data.shape[0], data.shape[1], data.shape[2]), _affine(img, "mask"), (data > 0).ravel(order="F"))


def load_anatomy(path: Path | str, window: tuple[float, float] = PERCENTILES, bounds: Bounds | None = None) -> Anatomy:
    """Return the anatomy in an image file.

    Parameters
    ----------
    path : Path or str
        The file.
    window : tuple of float
        Percentiles of the voxels above zero that become black and white.
    bounds : Bounds or None
        World box of the mask, which the anatomy has to meet; None: it may lie anywhere.

    Raises
    ------
    ValueError
        If the file is missing or unreadable, is not three-dimensional (or more with one volume), has no voxel above
        zero, its affine is singular, or it lies off the mask.
    """
    what = f"anatomy {Path(path)}"
    img = _load(Path(path), "anatomy")
    data = _volume(img, what)
    try:
        anatomy = anatomy_from_array(data, _affine(img, what), window)
    except ValueError as error:
        raise ValueError(f"{error} (file {path})") from error
    if bounds is not None and not anatomy.meets(bounds):
        centre = anatomy.affine[:3, :3] @ (np.array(anatomy.shape) - 1) / 2 + anatomy.affine[:3, 3]
        raise ValueError(
            f"{what}: it lies around {_mm(centre)} and the mask around {_mm(bounds.centre)} mm without touching, "
            "expected the same head in the same space"
        )
    return anatomy


def _load(path: Path, what: str) -> Any:
    if not path.is_file():
        raise ValueError(f"{what} {path}: there is no such file, expected an image that nibabel reads (NIfTI, AFNI)")
    try:
        return nibabel.load(path)
    except _UNREADABLE as error:
        raise ValueError(
            f"{what} {path}: not an image that nibabel reads ({_one_line(error)}), expected NIfTI or AFNI"
        ) from error


def _volume(img: Any, what: str) -> npt.NDArray[Any]:
    shape = tuple(int(n) for n in img.shape)
    if len(shape) < 3 or any(n != 1 for n in shape[3:]) or 0 in shape:
        raise ValueError(f"{what}: got an image of shape {shape}, expected three dimensions and one volume")
    try:
        data: npt.NDArray[Any] = np.asanyarray(img.dataobj)
    except _UNREADABLE as error:
        raise ValueError(
            f"{what}: its voxels cannot be read ({_one_line(error)}), expected a whole, undamaged file"
        ) from error
    if data.dtype.names:
        raise ValueError(f"{what}: voxels are colours ({', '.join(data.dtype.names)}), expected one number each")
    if data.dtype.kind not in "biuf":
        raise ValueError(f"{what}: voxels are of type {data.dtype}, expected real numbers")
    while data.ndim > 3:
        data = data[..., 0]
    return data


def _affine(img: Any, what: str) -> npt.NDArray[np.float64]:
    if img.affine is None:
        raise ValueError(f"{what}: the image has no affine, expected one that says where its voxels lie")
    return np.asarray(img.affine, np.float64)


def _mm(point: npt.ArrayLike) -> str:
    x, y, z = np.rint(point).astype(int).tolist()
    return f"({x}, {y}, {z})"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
