"""Features on an emulated Cortex-M4: the desk's bytes."""

import pytest
from sounds import chirp, settings_of

from edgeforge.features.compiled import Features
from edgeforge.features.settings import Kind
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.targets.engine.emulate.features import features_on_core, hear_on_core
from edgeforge.targets.engine.emulate.machine import missing
from edgeforge.targets.engine.options import CORES

M4 = CORES["cortex-m4"]


@pytest.mark.skipif(bool(missing()), reason=missing() or "emulated")
@pytest.mark.parametrize("kind", ["log-mel", "mfcc", "microfrontend"])
def test_a_core_hears_what_the_desk_hears(kind: Kind) -> None:
    asked, samples = settings_of(kind), chirp(4000)
    heard = hear_on_core(asked, samples, M4)
    assert (heard.rows == Features(asked).of_clip(samples)).all() and len(heard.rows) == 12
    assert heard.state < 4096 and heard.stack < 512 and 0 < heard.flash < 8192
    assert heard.instructions < 1_500_000


@pytest.mark.skipif(bool(missing()), reason=missing() or "emulated")
def test_what_hearing_takes_is_counted_for_the_board() -> None:
    sound = settings_of()
    heard = features_on_core(Preprocessing((1, 49, 40), 255.0, (0.5,), (0.2,), ("a", "b"), sound=sound), M4)
    assert heard is not None and 1_000_000 < heard.instructions < 5_000_000
    assert heard.ram_bytes > 2 * sound.window + 4 * sound.fft + 49 * 40
    assert features_on_core(Preprocessing((1, 49, 40), 255.0, (0.5,), (0.2,), ("a", "b")), M4) is None
