"""Features on an emulated Cortex-M4: the desk's bytes."""

import pytest
from sounds import chirp, settings_of

from edgeforge.features.compiled import Features
from edgeforge.features.settings import Kind
from edgeforge.targets.engine.emulate.features import hear_on_core
from edgeforge.targets.engine.emulate.machine import missing
from edgeforge.targets.engine.options import CORES


@pytest.mark.skipif(bool(missing()), reason=missing() or "emulated")
@pytest.mark.parametrize("kind", ["log-mel", "mfcc", "microfrontend"])
def test_a_core_hears_what_the_desk_hears(kind: Kind) -> None:
    asked, samples = settings_of(kind), chirp(4000)
    heard = hear_on_core(asked, samples, CORES["cortex-m4"])
    assert (heard.rows == Features(asked).of_clip(samples)).all() and len(heard.rows) == 12
    assert heard.state < 4096 and heard.stack < 512 and 0 < heard.flash < 8192
    assert heard.instructions < 1_500_000
