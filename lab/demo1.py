"""Creation handling: an operator that says what it sees, and no more."""

import kopf


# Missing: a token that is read anew before it ends, and one account for kopf and kubectl (nuvop/login.py).
@kopf.on.login()
def login(**kwargs):
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


# Missing: what became of it. "created" stays there whatever happens later (nuvop/status.py, nuvop/reporter.py).
@kopf.on.create("nuvolaris.org", "v1", "samples")
def create(spec, **_):
    print(dict(spec))
    return {"message": "created"}


# Missing: a way to go while no operator runs, for a Sample waits until this has been called (nuvop/ownership.py).
@kopf.on.delete("nuvolaris.org", "v1", "samples")
def delete(spec, **_):
    print(dict(spec))
    return {"message": "deleted"}
