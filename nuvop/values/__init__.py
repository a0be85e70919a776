"""The rules of `nuvop.value_rules`: a room for each sort of object, with a table or two by the name of a type,
and rooms of what these share: `rule`, `texts`, `quantities`.

Sources: the files named there, of https://github.com/kubernetes/kubernetes/tree/v1.36.3. Only what is certain, whatever
the cluster's settings, is a rule. What Kubernetes has as well and is not tried: whether several fields fit together,
but for a few of them, and what an update may not change.
"""
