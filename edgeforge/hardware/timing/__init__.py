"""How long operators take: instructions counted on emulated cores, cycles and whole networks that others published."""
