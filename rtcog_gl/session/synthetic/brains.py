"""Brains to play on: the MNI152 brain where nilearn is installed, an analytic head phantom otherwise."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs

from rtcog_gl.session.synthetic.options import MNI_VOXELS_1MM as MNI_VOXELS_1MM

log = logging.getLogger("rtcog_gl")

MNI_VOXELS_2MM = 235_375

_PHANTOM_ML = 1_885.0
"""Volume of the phantom's brain in millilitres."""


@dataclass(frozen=True)
class Brain:
    """A brain mask in world space."""

    mask: npt.NDArray[np.bool_]
    affine: npt.NDArray[np.float64]
    """Voxel indices to mm, RAS+."""

    name: str
    mni: bool = False
    """Whether this is the MNI152 brain."""

    notes: tuple[str, ...] = ()
    """Sentences for the operator."""

    @property
    def nv(self) -> int:
        """Voxels in the mask."""
        return int(np.count_nonzero(self.mask))

    @property
    def voxel_mm(self) -> tuple[float, float, float]:
        """Size of a voxel along each axis."""
        x, y, z = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(x), float(y), float(z)

    def image(self) -> Any:
        """Return the mask as a nibabel image of 0 and 1."""
        import nibabel

        return nibabel.Nifti1Image(self.mask.astype(np.uint8), self.affine)


def resolution_mm(voxels: int) -> float:
    """Return the voxel size (mm) at which the MNI152 brain has about `voxels` voxels."""
    if voxels == MNI_VOXELS_2MM:
        return 2.0
    return round(float(np.cbrt(MNI_VOXELS_1MM / voxels)), 2)


def load_brain(voxels: int, phantom: bool = False) -> Brain:
    """Return a brain of about `voxels` voxels: MNI152, or the phantom if asked for or without nilearn."""
    if phantom:
        return head_phantom(voxels)
    if importlib.util.find_spec("nilearn") is None:
        note = "nilearn is not installed, so the session plays on an analytic head phantom instead of the MNI152 brain."
        log.warning(note)
        brain = head_phantom(voxels)
        return replace(brain, notes=(note,))
    return _mni152(resolution_mm(voxels))


def _mni152(mm: float) -> Brain:
    """Return the brain at any resolution; nilearn gives whole millimetres, the others sample its 1 mm mask."""
    if mm in (1.0, 2.0):
        return Brain(*_nilearn_mask(int(mm)), f"MNI152 {mm:g} mm", mni=True)
    fine, affine = _nilearn_mask(1)
    axes = [np.round(np.arange(0, n, mm)).astype(int).clip(0, n - 1) for n in fine.shape]
    sampled = np.diag([mm, mm, mm, 1.0])
    sampled[:3, 3] = affine[:3, 3]
    return Brain(np.asfortranarray(fine[np.ix_(*axes)]), sampled, f"MNI152 {mm:g} mm", mni=True)


def _nilearn_mask(mm: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Read mask and affine from the cache, or make them with nilearn (which takes seconds to import) and keep them."""
    file = _cache_file(f"mni152-mask-{mm}mm", ".npz")
    try:
        with np.load(file, allow_pickle=False) as kept:
            shape = tuple(int(n) for n in kept["shape"])
            bits = np.unpackbits(kept["bits"], count=int(np.prod(shape)))
            return bits.astype(bool).reshape(shape, order="F"), kept["affine"].astype(np.float64)
    except FileNotFoundError:
        log.info("the MNI152 brain mask at %d mm is prepared once and kept as %s", mm, file)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        log.warning("%s cannot be read (%s) and is made anew", file, error)
    from nilearn.datasets import load_mni152_brain_mask

    image = load_mni152_brain_mask(resolution=mm)
    mask = np.asfortranarray(np.asarray(image.dataobj) > 0)
    affine = np.asarray(image.affine, np.float64)
    bits = np.packbits(mask.ravel(order="F"))
    keep(file, lambda new: np.savez_compressed(new, bits=bits, shape=mask.shape, affine=affine))
    return mask, affine


def mni_anatomy_path() -> Path | None:
    """Return a skull-stripped MNI152 T1 at 1 mm (NIfTI, uint8), written once to the user's cache.

    Returns None without nilearn, or where the cache cannot be written.
    """
    if importlib.util.find_spec("nilearn") is None:
        return None
    file = _cache_file("mni152-t1-1.00mm", ".nii.gz")
    if file.exists():
        return file
    import nibabel
    from nilearn.datasets import load_mni152_brain_mask, load_mni152_template

    template = load_mni152_template(resolution=1)
    values = np.asarray(template.dataobj, np.float32) * (np.asarray(load_mni152_brain_mask(1).dataobj) > 0)
    grey = np.round(values * (255 / values.max())).astype(np.uint8)
    image = nibabel.Nifti1Image(grey, template.affine)
    return file if keep(file, lambda new: nibabel.save(image, new)) else None


def head_phantom(voxels: int) -> Brain:
    """Return a brain of ellipsoids: two hemispheres with a gap between them, a cerebellum and a brain stem.

    It lies where the MNI152 brain lies, so that coordinates in MNI mm fall on it.
    """
    mm = float(np.cbrt(_PHANTOM_ML * 1000 / voxels))
    low, high = np.array([-80.0, -114.0, -70.0]), np.array([80.0, 82.0, 90.0])
    shape = np.ceil((high - low) / mm).astype(int) + 1
    x, y, z = np.ogrid[tuple(slice(0, n) for n in shape)]
    x, y, z = low[0] + mm * x, low[1] + mm * y, low[2] + mm * z

    def inside(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> npt.NDArray[np.bool_]:
        terms = (((a - c) / r) ** 2 for a, c, r in zip((x, y, z), centre, radii, strict=True))
        return np.asarray(sum(terms) <= 1.0)

    cerebrum = inside((0, -17, 14), (72, 91, 66)) & (np.abs(z - 16) < 70) & ~((np.abs(x) < 1.5) & (z > 30))
    cerebrum &= (z > -32) | (y > -40)
    rest = inside((0, -66, -34), (52, 34, 26)) | inside((0, -28, -40), (13, 14, 30))
    affine = np.diag([mm, mm, mm, 1.0])
    affine[:3, 3] = low
    return Brain(cerebrum | rest, affine, f"head phantom {mm:.2f} mm")


def _cache_file(stem: str, suffix: str) -> Path:
    version = importlib.metadata.version("nilearn")
    return Path(platformdirs.user_cache_dir("rtcog-gl")) / f"{stem}-nilearn{version}{suffix}"


def keep(file: Path, write: Callable[[Path], object]) -> bool:
    """Write a file of the cache under another name first, so that nobody ever reads half of it."""
    new: Path | None = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, suffix="".join(file.suffixes[-2:]))
        os.close(handle)
        new = Path(name)
        write(new)
        new.replace(file)
    except OSError as error:
        log.warning("%s cannot be written (%s); it is made again next time", file, error)
        if new is not None:
            new.unlink(missing_ok=True)
        return False
    return True
