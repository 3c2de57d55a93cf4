"""From response to frame: upsampling, window, peak and shift, compared with their formulas."""

import itertools

import numpy as np
import pytest

from siamfc import geometry


def spline_slowly(values, positions):
    """Cubic spline by the textbook: second derivatives from a tridiagonal system, flat ends."""
    n = len(values)
    system, right = np.zeros((n, n)), np.zeros(n)
    for i in range(1, n - 1):
        system[i, i - 1 : i + 2] = 1, 4, 1
        right[i] = 6 * (values[i - 1] - 2 * values[i] + values[i + 1])
    system[0, :2] = system[-1, :-3:-1] = 2, 1
    right[0], right[-1] = 6 * (values[1] - values[0]), 6 * (values[-2] - values[-1])
    bend = np.linalg.solve(system, right)
    got = []
    for position in np.clip(positions, 0, n - 1):
        i = min(int(position), n - 2)
        t = position - i
        line = (1 - t) * values[i] + t * values[i + 1]
        cubic = ((1 - t) ** 3 - (1 - t)) * bend[i] + (t**3 - t) * bend[i + 1]
        got.append(line + cubic / 6)
    return np.array(got)


class TestUpsampling:
    @pytest.mark.parametrize(("cells", "upsampling"), [(17, 16), (17, 1), (5, 7), (2, 4)])
    def test_every_sample_is_the_cubic_spline(self, cells, upsampling):
        values = np.random.default_rng(1).normal(size=cells)
        positions = (np.arange(cells * upsampling) + 0.5) / upsampling - 0.5
        inside = (positions >= 0) & (positions <= cells - 1)
        got = geometry.upsampling_matrix(cells, upsampling) @ values
        np.testing.assert_allclose(
            got[inside], spline_slowly(values, positions)[inside], atol=1e-12
        )

    def test_beyond_the_outermost_cell_it_is_mirrored(self):
        got = geometry.upsampling_matrix(17, 16) @ np.random.default_rng(1).normal(size=17)
        np.testing.assert_allclose(got[:8], got[8:16][::-1])
        np.testing.assert_allclose(got[-8:], got[-16:-8][::-1])

    def test_a_single_cell_is_repeated(self):
        np.testing.assert_allclose(geometry.upsampling_matrix(1, 4), np.ones((4, 1)))

    def test_rows_sum_to_one_and_no_one_may_write(self):
        matrix = geometry.upsampling_matrix(17, 16)
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
        with pytest.raises(ValueError, match="read-only"):
            matrix[0, 0] = 1

    def test_a_parabola_is_reproduced(self):
        cells = np.arange(17.0)
        surface = -((cells - 7.3) ** 2)[None, :] - 2 * ((cells - 9.1) ** 2)[:, None]
        fine = (np.arange(272) + 0.5) / 16 - 0.5
        expected = -((fine - 7.3) ** 2)[None, :] - 2 * ((fine - 9.1) ** 2)[:, None]
        inner = slice(136 - 48, 136 + 48)  # the flat ends are felt beyond
        got = geometry.upsample(surface, 16)
        np.testing.assert_allclose(got[inner, inner], expected[inner, inner], atol=0.02)

    @pytest.mark.parametrize("upsampling", [1, 2, 5, 16])
    def test_leading_dimensions_and_factors(self, upsampling):
        responses = np.random.default_rng(2).normal(size=(2, 3, 17, 17)).astype(np.float32)
        got = geometry.upsample(responses, upsampling)
        assert got.shape == (2, 3, 17 * upsampling, 17 * upsampling)
        np.testing.assert_allclose(got[1, 2], geometry.upsample(responses[1, 2], upsampling))
        if upsampling == 1:
            np.testing.assert_allclose(got, responses, atol=1e-12)


class TestHannWindow:
    def test_sums_to_one_and_peaks_in_the_middle(self):
        window = geometry.hann_window(272)
        assert window.sum() == pytest.approx(1)
        assert window[135, 135] == window[136, 136] == window.max()
        assert window[0, 0] == 0
        assert not window.flags.writeable  # every tracker shares it

    @pytest.mark.parametrize("count", [1, 2, 3, 17, 272])
    def test_is_symmetric_to_the_last_bit(self, count):
        window = geometry.hann_window(count)
        for turned in (window[::-1], window[:, ::-1], window.T):
            np.testing.assert_array_equal(window, turned)
        assert window.max() > 0

    def test_of_three_samples_only_the_middle_counts(self):
        np.testing.assert_array_equal(geometry.hann_window(3), [[0, 0, 0], [0, 1, 0], [0, 0, 0]])

    def test_is_the_textbook_window(self):
        j = np.arange(9)
        profile = 0.5 - 0.5 * np.cos(2 * np.pi * j / 8)
        expected = np.outer(profile, profile) / profile.sum() ** 2
        np.testing.assert_allclose(geometry.hann_window(9), expected, atol=1e-15)


def blob(x, y, cells=17, width=2.0):
    index = np.arange(cells)
    return np.exp(-((index[None, :] - x) ** 2 + (index[:, None] - y) ** 2) / (2 * width**2))


class TestPeak:
    @pytest.mark.parametrize(("x", "y"), [(8, 8), (8.5, 7.5), (3.21, 12.9), (10.03, 5.47)])
    def test_the_peak_of_a_blob_is_found_between_samples(self, x, y):
        position = geometry.peak_position(geometry.upsample(blob(x, y), 16))
        found = geometry.sample_to_response(position, 16)
        np.testing.assert_allclose(found, [x, y], atol=0.01)

    def test_a_symmetric_response_means_exactly_no_displacement(self):
        position = geometry.peak_position(geometry.upsample(blob(8, 8), 16))
        assert geometry.sample_to_response(position, 16).tolist() == [8.0, 8.0]

    def test_mirroring_and_transposing_do_so_to_the_peak(self):
        generator = np.random.default_rng(3)
        for _ in range(20):
            fine = geometry.upsample(blob(*generator.uniform(2, 14, 2)), 16)
            x, y = geometry.peak_position(fine)
            np.testing.assert_allclose(geometry.peak_position(fine[:, ::-1]), [271 - x, y])
            np.testing.assert_allclose(geometry.peak_position(fine[::-1]), [x, 271 - y])
            np.testing.assert_allclose(geometry.peak_position(fine.T), [y, x])

    @pytest.mark.parametrize(
        ("profile", "expected", "why"),
        [
            ([0, 1, 3, 1, 0], 2.0, "symmetric"),
            ([0, 3, 3, 0, 0], 1.5, "two equal samples: between them"),
            ([0, 1, 4, 3, 0], 2.25, "the vertex of the parabola through 1, 4, 3"),
            ([0, 0, 3, 4, 1], 2.75, "the same next to the border"),
            ([5, 1, 0, 0, 0], 0.0, "at the border there is no parabola"),
            ([0, 0, 0, 1, 5], 4.0, "at the far border"),
            ([7, 7, 7, 7, 7], 2.0, "no contrast: the centre"),
            ([0, 1 - 2**-53, 1, 1, 0], 2.0, "a curvature lost to rounding is no parabola"),
        ],
    )
    def test_hand_worked_profiles(self, profile, expected, why):
        surface = np.array([profile], dtype=float)
        assert geometry.peak_position(surface).tolist() == [expected, 0.0], why
        assert geometry.peak_position(surface.T).tolist() == [0.0, expected], why


@pytest.mark.parametrize(
    ("stride", "side", "shift"), list(itertools.product((4, 8), (127.5, 600), (1.0, -2.5)))
)
def test_a_peak_away_from_the_centre_is_a_shift_in_the_frame(stride, side, shift):
    displacement = geometry.response_to_crop([8 + shift, 8], cells=17, stride=stride)
    in_frame = geometry.displacement_to_frame(displacement, side, 255)
    np.testing.assert_allclose(in_frame, [shift * stride * side / 255, 0])


def test_each_target_has_its_own_scale():
    got = geometry.displacement_to_frame([[8, 0], [8, 16]], side=[255, 510], size=255)
    np.testing.assert_allclose(got, [[8, 0], [16, 32]])
