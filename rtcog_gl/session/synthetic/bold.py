"""Plays a real 4-D run, volume by volume, as if it came from the scanner now."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs

from rtcog_gl.model.session import FloatArray
from rtcog_gl.session.synthetic.brains import keep
from rtcog_gl.session.synthetic.content import Header
from rtcog_gl.session.synthetic.motion import Motion
from rtcog_gl.session.synthetic.options import DemoError, DemoOptions
from rtcog_gl.session.synthetic.scoring import MaskScorer
from rtcog_gl.session.synthetic.segments import check_space
from rtcog_gl.session.synthetic.smoothing import MaskedSmoother

GRID_TOLERANCE_MM = 0.1
"""Corners of two grids may differ by this much and still be the same."""

FWHM_MM = 6.0
"""Width of the smoothing."""

TEMPLATE_SD = 2.0
"""A template counts where it is more than this many standard deviations (inside the mask) above its mean."""

UNIT = "z"
"""Unit of the volumes: what `RunningZ` makes."""


class RunningZ:
    """Detrends and scales each voxel by what was seen of it so far, as a real-time analysis has to.

    At volume t, a straight line is fitted to the voxel's values 0 .. t (least squares, from running sums, so the cost
    is the same for every volume); the result is the last residual over the residuals' standard deviation. The first
    three volumes determine neither and give zeros, and so does a voxel that never changes.
    """

    def __init__(self) -> None:
        self._n = 0
        self._origin: npt.NDArray[np.float64] = np.zeros(0)
        self._sums: npt.NDArray[np.float64] = np.zeros((3, 0))

    def __call__(self, volume: npt.ArrayLike) -> FloatArray:
        """Take the next volume, (Nv,), and return its z values, (Nv,) float32."""
        values = np.asarray(volume, np.float64)
        if self._n == 0:
            # Sums of differences from the first volume: squares of raw values would drown the variance in rounding.
            self._origin = values.copy()
            self._sums = np.zeros((3, len(values)))
        y = values - self._origin
        t = self._n
        self._n = n = t + 1
        self._sums += (y, t * y, y * y)
        if n <= 3:
            return np.zeros(len(y), np.float32)
        sum_y, sum_ty, sum_yy = self._sums
        mean_y, mean_t, square_t = sum_y / n, t / 2, n * (n * n - 1) / 12
        slope = (sum_ty - mean_t * sum_y) / square_t
        residual = y - mean_y - slope * (t - mean_t)
        variance = (sum_yy - n * mean_y**2 - slope**2 * square_t) / (n - 2)
        still = variance <= 1e-12
        return np.where(still, 0.0, residual / np.sqrt(np.where(still, 1.0, variance))).astype(np.float32)


class BoldContent:
    """A run, its mask and its templates, from files.

    The voxels are those of the mask above 0. A template counts in the voxels where it is not 0 if it has but one value
    there (a region), and otherwise where it is `TEMPLATE_SD` above its mean, or half as far as its maximum if that is
    less. Volumes are smoothed inside the mask (`FWHM_MM`), as rtcog's own preprocessing does.

    Raises
    ------
    DemoError
        If a file cannot be read or does not fit the others; the message names it, what was got and what is expected.
    """

    def __init__(self, options: DemoOptions) -> None:
        bold_file, mask_file, template_file = _three(options)
        bold, mask, templates = (_open(file) for file in (bold_file, mask_file, template_file))
        if len(bold.shape) != 4 or bold.shape[3] < 2:
            raise DemoError(f"{bold_file} has shape {bold.shape}, expected a 4-D run of two volumes or more")
        _same_grid(mask_file, mask, bold_file, bold)
        _same_grid(template_file, templates, bold_file, bold)
        inside = _inside(mask_file, mask)
        self._voxels = np.flatnonzero(inside.ravel(order="F"))
        self._data = _read(bold_file, bold)
        voxel_mm = np.linalg.norm(bold.affine[:3, :3], axis=0)
        self._smooth = MaskedSmoother(inside, (voxel_mm[0], voxel_mm[1], voxel_mm[2]), FWHM_MM)
        self._next, self._z = 0, RunningZ()
        values = _read(template_file, templates).reshape((inside.size, -1), order="F")[self._voxels].T
        labels = _labels(options, template_file, len(values))
        self.scorer = MaskScorer(list(values), [_counts(template_file, k, row) for k, row in enumerate(values)])
        check_space(len(values), len(self._voxels), options.nvols or bold.shape[3])
        played = min(bold.shape[3], options.nvols or bold.shape[3])
        self.n_volumes = int(played)
        what = f"{played} volumes, {len(self._voxels):,} voxels, {len(labels)} templates"
        notes = [f"playing {bold_file.name}: {what}."]
        if options.nvols and options.nvols > played:
            notes.append(f"{bold_file.name} has {played} volumes: the run ends before the {options.nvols} asked for.")
        nt = int(options.nvols or played)
        anat = _mean_image(bold_file, bold, self._data, inside)
        self.header = Header(labels, len(self._voxels), nt, _own_copy(mask), anat, tuple(notes), unit=UNIT)

    def volume(self, t: int) -> FloatArray:
        """Return volume `t`, preprocessed; volumes that were passed over are taken in first."""
        result: FloatArray = np.zeros(len(self._voxels), np.float32)
        while self._next <= t:
            result = self._z(self._smooth(self._data[..., self._next]).ravel(order="F")[self._voxels])
            self._next += 1
        return result

    def scores(self, t: int, volume: FloatArray) -> npt.NDArray[np.float64]:
        """Return the volume's scores, (templates,)."""
        return self.scorer(volume)

    def motion(self, t: int) -> Motion | None:
        """Return None: a run's file does not say how the head moved."""
        return None

    def templates(self) -> FloatArray:
        """Return the templates, (templates, Nv), NaN outside a template's own mask."""
        return self.scorer.templates(self.header.nv)


def _mean_image(file: Path, image: Any, data: npt.NDArray[Any], inside: npt.NDArray[np.bool_]) -> Path | None:
    """Return the run's mean brain, to show under the maps, kept in the user's cache; None where it cannot be kept."""
    import nibabel

    facts = file.stat()
    name = hashlib.sha256(f"{file.resolve()} {facts.st_size} {facts.st_mtime_ns}".encode()).hexdigest()[:16]
    target = Path(platformdirs.user_cache_dir("rtcog-gl")) / f"mean-{name}.nii.gz"
    if target.exists():
        return target
    mean = data[..., :: max(1, data.shape[3] // 20)].mean(axis=3, dtype=np.float32) * inside
    return target if keep(target, lambda new: nibabel.save(nibabel.Nifti1Image(mean, image.affine), new)) else None


def _three(options: DemoOptions) -> tuple[Path, Path, Path]:
    if options.bold is None or options.mask is None or options.templates is None:
        raise DemoError("a real run needs --bold, --mask and --templates together")
    return Path(options.bold), Path(options.mask), Path(options.templates)


def _open(file: Path) -> Any:
    import nibabel
    from nibabel.spatialimages import SpatialImage

    if not file.exists():
        raise DemoError(f"{file} does not exist, expected an image file (NIfTI or AFNI)")
    try:
        image: Any = nibabel.load(file)
    except Exception as error:
        raise DemoError(f"{file} cannot be read, expected an image file (NIfTI or AFNI): {error}") from error
    if not isinstance(image, SpatialImage):
        raise DemoError(f"{file} holds a {type(image).__name__}, expected an image of voxels (NIfTI or AFNI)")
    return image


def _read(file: Path, image: Any) -> npt.NDArray[Any]:
    try:
        return np.asanyarray(image.dataobj)
    except Exception as error:
        raise DemoError(f"{file} is damaged, expected data of shape {image.shape}: {error}") from error


def _same_grid(file: Path, image: Any, reference_file: Path, reference: Any) -> None:
    grid = tuple(reference.shape[:3])
    if tuple(image.shape[:3]) != grid:
        raise DemoError(
            f"{file} has a grid of {_times(image.shape[:3])} voxels, expected the {_times(grid)} of {reference_file}"
        )
    corners = np.array([[x, y, z, 1] for x in (0, grid[0] - 1) for y in (0, grid[1] - 1) for z in (0, grid[2] - 1)])
    apart = float(np.linalg.norm(corners @ (image.affine - reference.affine).T, axis=1).max())
    if not apart <= GRID_TOLERANCE_MM:
        raise DemoError(
            f"{file} lies up to {apart:.1f} mm away from {reference_file}, expected the same place "
            f"(within {GRID_TOLERANCE_MM} mm)"
        )


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)


def _inside(file: Path, mask: Any) -> npt.NDArray[np.bool_]:
    values = _read(file, mask)
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.ndim != 3:
        raise DemoError(f"{file} has shape {values.shape}, expected a 3-D mask")
    inside: npt.NDArray[np.bool_] = values > 0
    if not inside.any():
        raise DemoError(f"{file} has no voxel above 0, expected a brain mask")
    return inside


def _own_copy(mask: Any) -> Any:
    """Return the mask with its values in memory, so that it travels to other processes without its file."""
    import nibabel

    values = np.asarray(mask.dataobj)
    values = values.astype(np.uint8) if values.dtype == bool or values.dtype == np.int64 else values
    return nibabel.Nifti1Image(values.reshape(values.shape[:3]), mask.affine)


def _labels(options: DemoOptions, file: Path, n: int) -> tuple[str, ...]:
    if not options.labels:
        return tuple(f"T{k + 1}" for k in range(n))
    if len(options.labels) != n:
        raise DemoError(
            f"--labels {','.join(options.labels)} names {len(options.labels)} templates, "
            f"expected {n}, as many as {file} has"
        )
    return options.labels


def _counts(file: Path, k: int, template: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return the voxels in which a template counts."""
    present = template[template != 0]
    region = len(present) > 0 and bool(np.all(present == present[0]))
    above_mean = min(TEMPLATE_SD * template.std(), (template.max() - template.mean()) / 2)
    floor = template.mean() + above_mean
    counts: npt.NDArray[np.bool_] = template != 0 if region else template > floor
    if not counts.any():
        raise DemoError(f"template {k + 1} of {file} has no voxel to score with inside the mask, expected one or more")
    return counts
