"""An operator: of a Sample it makes a patch, and of that and deploy/ a Deployment."""

import kopf
import sh
import yaml


# Missing: as in demo1.py (nuvop/login.py).
@kopf.on.login()
def login(**kwargs):
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


# Missing: a folder and names for each Sample; two of them write one file here and get one Deployment
# (nuvop/overlay.py). And whole files: kubectl may read this one while it is written (nuvop/generated.py).
def write_patch(namespace, count):
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "demo-deploy", "namespace": namespace},
        "spec": {"replicas": count},
    }
    with open("deploy/patch.yaml", "w") as file:
        # A serializer and no f-string: whatever stands in a spec stays one value of the patch.
        yaml.safe_dump(patch, file, sort_keys=False)


# Missing: changes of the Sample (nuvop/reconcile.py) and of the Deployment (nuvop/drift.py); a kubectl with a time
# limit, and one for many Samples (nuvop/kubectl.py, nuvop/applier.py); whether the pods run (nuvop/readiness.py).
@kopf.on.create("nuvolaris.org", "v1", "samples")
def create(spec, namespace, **_):
    write_patch(namespace, spec["count"])
    # Where kubectl fails, sh raises an error: kopf logs it and tries again.
    return {"message": str(sh.kubectl("apply", "-k", "deploy")).strip()}


# Missing: as in demo1.py; Kubernetes' garbage collector needs no operator for it (nuvop/ownership.py).
@kopf.on.delete("nuvolaris.org", "v1", "samples")
def delete(**_):
    sh.kubectl("delete", "-k", "deploy", "--ignore-not-found")
