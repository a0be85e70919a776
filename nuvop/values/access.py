"""Whom roles are bound to. Pure."""

from nuvop.values.rule import Fields, one_of_words

FIELDS: Fields = {
    # pkg/apis/rbac/validation/validation.go
    "rbac.v1.Subject": {"kind": one_of_words("ServiceAccount", "User", "Group")},
    "rbac.v1.RoleRef": {"kind": one_of_words("Role", "ClusterRole")},
}
