#pragma once

extern int fakeShift;  // steps that the middle output is off
