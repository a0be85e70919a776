"""Claims for volumes, and the keys of ConfigMaps and Secrets. Pure.

Tables: pkg/apis/core/validation/validation.go.
"""

import re
from collections.abc import Mapping

from nuvop import fields
from nuvop.fields import Json
from nuvop.values.quantities import amount_of
from nuvop.values.rule import Fields, Found, Misvalue, Together, needs, wrong

_KEY_OF_DATA = re.compile(r"(?!\.\.?$|\.\.)[-._a-zA-Z0-9]{1,253}")


def _keys_of_data(value: Json) -> Found:
    """``IsConfigMapKey`` of staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go."""
    for key in value if isinstance(value, dict) else ():
        if not _KEY_OF_DATA.fullmatch(key):
            yield wrong("a key must be letters, digits, hyphens, dots and underscores, as a file's name may be", key)


def _claim(value: Mapping[str, Json]) -> Found:
    """``ValidatePersistentVolumeClaimSpec`` of pkg/apis/core/validation/validation.go."""
    yield from needs("accessModes")(value)
    modes = fields.listed(value.get("accessModes"))
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        yield Misvalue(("accessModes",), "ReadWriteOncePod stands alone: take it out, or the others", ("accessModes",))
    at = ("resources", "requests", "storage")
    storage = fields.value_at(value, *at)
    amount = amount_of(storage)
    if storage is None:
        yield Misvalue((), f"{'.'.join(at)} is missing", at, is_missing=True)
    elif amount is not None and amount <= 0:
        yield wrong(f"{storage!r} must be more than 0", *at)


_DATA = {"data": _keys_of_data, "binaryData": _keys_of_data, "stringData": _keys_of_data}

FIELDS: Fields = {
    "core.v1.ConfigMap": _DATA,
    "core.v1.Secret": _DATA,
}

TOGETHER: Together = {
    "core.v1.PersistentVolumeClaimSpec": (_claim,),
}
