#include "PrecompiledHeader.h"
