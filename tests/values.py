"""Values that the API server takes, and that it refuses: for tests of what nuvop knows without one, and of one."""

import copy
from dataclasses import dataclass
from typing import Any

from nuvop import fields, yamltext

_OBJECTS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}, annotations: {example.org/a: b}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: web}}
    spec:
      volumes: [{name: data, emptyDir: {sizeLimit: 1Gi}}, {name: files, configMap: {name: a, defaultMode: 420}}]
      initContainers: [{name: first, image: x}]
      containers:
        - name: web
          image: x
          env: [{name: A, value: b}]
          ports: [{name: http, containerPort: 80}]
          resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 100m, memory: 512Mi}}
          readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 5}
          securityContext: {runAsUser: 0}
          volumeMounts: [{name: data, mountPath: /data}]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Delete}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: x}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1}}
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: x}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 2 * * *"
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      backoffLimit: 1
      template: {spec: {restartPolicy: Never, containers: [{name: a, image: x}]}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: ClusterIP, selector: {app: web}, ports: [{name: http, port: 80, targetPort: http, protocol: TCP}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a.conf: b}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
    - host: "*.example.org"
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{ports: [{port: 80}]}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchExpressions: [{key: app, operator: In, values: [web]}]}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  minReplicas: 1
  maxReplicas: 3
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}
subjects: [{kind: ServiceAccount, name: web, namespace: default}]
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: slow}
provisioner: example.org/none
volumeBindingMode: WaitForFirstConsumer
"""
OBJECTS: dict[str, dict[str, Any]] = {obj["kind"]: obj for obj in yamltext.load_all(_OBJECTS)}
"""Objects that the API server takes, by their kind."""

POD = "spec.template.spec"
BOX = f"{POD}.containers.0"
JOB = "spec.jobTemplate.spec"


@dataclass(frozen=True)
class Case:
    """An object with another value, and the beginning of what is told of it; nothing where it is taken."""

    kind: str
    path: str
    value: Any
    told: str = ""

    @property
    def obj(self) -> dict[str, Any]:
        obj = copy.deepcopy(OBJECTS[self.kind])
        fields.put(obj, fields.parse(self.path), self.value)
        return obj

    def __str__(self) -> str:
        return f"{self.kind}-{self.path}-{self.value}"


TAKEN = [
    *(Case(kind, "metadata.labels.x", "") for kind in OBJECTS),
    Case("Deployment", f"{BOX}.env", [{"name": "a-b.c D", "value": ""}, {"name": "B"}]),
    Case("Deployment", f"{BOX}.ports", [{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}]),
    Case("Deployment", f"{BOX}.resources", {"limits": {"cpu": "1e3", "example.org/gpu": 1}, "requests": {"cpu": 0.5}}),
    Case("Deployment", f"{BOX}.resources.limits.memory", "0.5Gi"),
    Case("Deployment", f"{BOX}.resources.limits.memory", "+600000000"),
    Case("Deployment", f"{BOX}.resources.limits.memory", " 1Gi "),
    Case("Deployment", f"{BOX}.ports.0.name", ""),
    Case("Deployment", f"{BOX}.ports.0.hostPort", 0),
    Case("Deployment", f"{BOX}.imagePullPolicy", "Never"),
    Case("Deployment", f"{BOX}.lifecycle", {"stopSignal": "STOP"}),
    Case("Deployment", f"{POD}.restartPolicy", "Always"),
    Case("Deployment", "spec.strategy", {"type": "Recreate"}),
    Case("Deployment", "spec.strategy.rollingUpdate.maxSurge", "25%"),
    Case("Deployment", "spec.replicas", 0),
    Case("Deployment", "spec.replicas", 1.0),
    Case("Deployment", "metadata.annotations", {"Example.ORG/A_b.c": "\t any $ thing"}),
    Case("Deployment", "metadata.labels", {"example.org/A_b.c": "A.b-C_1"}),
    *(
        Case("CronJob", "spec.schedule", schedule)
        for schedule in (
            *("*/15 2 * * 1-5", "0 0 1 JAN,jul sun", "@daily", "@every 1h30m", "5/15 * ? * mon-fri/2", "0,,5 0 * * 0"),
        )
    ),
    Case("CronJob", f"{JOB}.template.spec.restartPolicy", "OnFailure"),
    Case("Service", "spec.ports", [{"port": 80}]),
    Case("Service", "spec.ports", [{"name": "a", "port": 80}, {"name": "b", "port": 80, "protocol": "UDP"}]),
    Case("Service", "spec.ports.0.targetPort", 8080),
    Case("Service", "spec.ports.0.targetPort", 0),
    Case("Service", "spec.ports.0.targetPort", ""),
    Case("Service", "spec.ports.0.name", ""),
    Case("StatefulSet", "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", ""),
    Case("Ingress", "spec.rules.0.host", ""),
    Case("Ingress", "spec.rules.0.http.paths.0", {
        "pathType": "ImplementationSpecific", "backend": {"service": {"name": "web", "port": {"name": "http"}}}
    }),
    Case("PersistentVolumeClaim", "spec.accessModes", ["ReadOnlyMany", "ReadWriteMany"]),
    Case("PodDisruptionBudget", "spec.minAvailable", "50%"),
    Case("PodDisruptionBudget", "spec.minAvailable", "100%"),
    Case("Deployment", "spec.strategy.rollingUpdate", {"maxSurge": "150%", "maxUnavailable": "100%"}),
    Case("DaemonSet", "spec.updateStrategy.rollingUpdate", {"maxSurge": "25%", "maxUnavailable": "0%"}),
    Case("StatefulSet", "spec.updateStrategy", {"rollingUpdate": {"partition": 1}}),
    *(
        Case("Service", "spec", spec)
        for spec in (
            {"clusterIP": "None", "selector": {"app": "web"}},
            {"type": "ExternalName", "externalName": "web.example.org"},
            {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30123}]},
        )
    ),
    *(Case("Ingress", "spec.rules.0.host", host) for host in ("1.2.3", "1.2.3.400")),
    Case("Ingress", "spec.tls", [{"hosts": ["10.0.0.1"]}]),
    Case("Deployment", f"{BOX}.readinessProbe", {"exec": {"command": ["a"]}, "successThreshold": 2}),
    Case("Deployment", f"{BOX}.livenessProbe", {"grpc": {"port": 80}, "successThreshold": 0}),
    Case("Deployment", f"{BOX}.lifecycle", {"preStop": {"httpGet": {"port": 80}}}),
    Case("Deployment", f"{POD}.initContainers.0", {
        "name": "first", "image": "x", "restartPolicy": "Always", "startupProbe": {"tcpSocket": {"port": 80}}
    }),
    Case("Deployment", f"{BOX}.envFrom", [{"secretRef": {"name": "a"}}, {"configMapRef": {"name": "b"}}]),
    Case("Deployment", f"{POD}.volumes.1", {"name": "files"}),
    Case("Ingress", "spec.rules.0.http.paths.0.backend.service.port.name", ""),
    Case("Ingress", "spec.rules.0.http.paths.0.backend.service.port", {"name": "http", "number": 0}),
    Case("Deployment", "spec.selector.matchExpressions", [
        {"key": "app", "operator": "In", "values": ["web", "other"]}, {"key": "x", "operator": "DoesNotExist"}
    ]),
    *(
        Case("Deployment", f"{POD}.tolerations", [toleration])
        for toleration in (
            {"operator": "Exists"},
            {"key": "example.org/a", "value": "b", "effect": "NoSchedule"},
            {"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": -1},
            {"key": "a", "operator": "Equal"},
        )
    ),
    Case("Deployment", f"{POD}.affinity", {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 100, "preference": {"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}},
        {"weight": 1, "preference": {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}},
    ]}}),
    *(Case("Deployment", f"{BOX}.volumeMounts.0.subPath", path) for path in ("a/b", "a..b", "...", "")),
    *(Case("CronJob", "spec.timeZone", zone) for zone in ("Etc/UTC", "Europe/Berlin", "Etc/GMT+12")),
    Case("NetworkPolicy", "spec.ingress.0.from", [{"podSelector": {}}]),
    Case("NetworkPolicy", "spec.ingress.0.from", [{"podSelector": {}, "namespaceSelector": {}}]),
    *(
        Case("NetworkPolicy", "spec.ingress.0.from", [peer])
        for peer in (
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.3.4/32"]}},
            {"ipBlock": {"cidr": "2001:db8::/32", "except": ["2001:db8:1::/48"]}},
            {"ipBlock": {"cidr": "0.0.0.0/0"}},
        )
    ),
    *(
        Case("HorizontalPodAutoscaler", "spec.metrics", [metric])
        for metric in (
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "1"}}},
            {"type": "Pods", "pods": {"metric": {"name": "a"}, "target": {"type": "AverageValue", "averageValue": 5}}},
            {"type": "Object", "object": {
                "describedObject": {"kind": "Service", "name": "a"}, "metric": {"name": "a"},
                "target": {"type": "Value", "value": "1", "averageValue": "1"},
            }},
            {"type": "External", "external": {"metric": {"name": "a"}, "target": {"type": "Value", "value": "100m"}}},
        )
    ),
]  # fmt: skip

REFUSED = [
    *(
        Case("Deployment", f"{POD}.tolerations", [toleration], told)
        for toleration, told in (
            ({}, "key is missing: only `operator: Exists` needs none"),
            ({"operator": "Equal", "value": "b"}, "key is missing: only `operator: Exists` needs none"),
            ({"key": "a b"}, "'a b' must be a word of letters"),
            ({"key": "a", "operator": "Exists", "value": "b"}, "may not stand beside `operator: Exists`"),
            ({"key": "a", "value": "b c"}, "'b c' must be letters, digits, hyphens, dots and underscores"),
            ({"key": "a", "operator": "exists"}, "'exists' must be one of Equal, Exists"),
            ({"key": "a", "effect": "noSchedule"}, "'noSchedule' must be one of NoExecute, NoSchedule, Prefer"),
            ({"key": "a", "effect": "NoSchedule", "tolerationSeconds": 5}, "may stand beside `effect: NoExecute` only"),
        )
    ),
    *(
        Case("Deployment", f"{POD}.affinity", {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}, told)
        for kind, term, told in (
            ("nodeAffinity", {"weight": 0, "preference": {}}, "0 must be 1 to 100"),
            ("nodeAffinity", {"weight": 101, "preference": {}}, "101 must be 1 to 100"),
            *(
                ("nodeAffinity", {"weight": 1, "preference": {"matchExpressions": [{"key": "a", **of}]}}, told)
                for of, told in (
                    ({"operator": "In"}, "values is missing: `operator: In` needs some"),
                    ({"operator": "Exists", "values": ["b"]}, "may not stand beside `operator: Exists`"),
                    ({"operator": "Gt", "values": ["1", "2"]}, "`operator: Gt` takes exactly one value"),
                    ({"operator": "Lt"}, "`operator: Lt` takes exactly one value"),
                    ({"operator": "Exists", "key": "a b"}, "'a b' must be a word of letters"),
                )
            ),
            *(
                (kind, {"weight": weight, "podAffinityTerm": {"topologyKey": key}}, told)
                for kind in ("podAffinity", "podAntiAffinity")
                for weight, key, told in (
                    (200, "a", "200 must be 1 to 100"),
                    (1, "", "'' must be a word of letters"),
                    (1, "a b", "'a b' must be a word of letters"),
                )
            ),
        )
    ),
    Case("Deployment", f"{BOX}.volumeMounts.0.subPath", "../x", "'../x' must be a way below the volume, without `..`"),
    Case("Deployment", f"{BOX}.volumeMounts.0.subPath", "a/../b", "'a/../b' must be a way below the volume"),
    Case("Deployment", f"{BOX}.volumeMounts.0.subPath", "/x", "'/x' must be a way below the volume"),
    Case("Deployment", f"{BOX}.volumeMounts.0.subPathExpr", "$(A)/..", "'$(A)/..' must be a way below the volume"),
    Case("Deployment", f"{BOX}.volumeMounts.0", {"name": "data", "mountPath": "/a", "subPath": "a", "subPathExpr": "b"},
         "may not stand beside subPath"),
    *(
        Case("CronJob", "spec.timeZone", zone, f"{zone!r} must be the name of a time zone, such as Europe/Berlin")
        for zone in ("", "local", "Europe/Köln", "UTC 2", "../UTC", "/UTC", "-1", "America/Argentina/ComodRivadavia2")
    ),
    *(
        Case("NetworkPolicy", "spec.ingress.0.from", [peer], told)
        for peer, told in (
            ({}, "ipBlock, namespaceSelector or podSelector is missing"),
            ({"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}, "may not stand beside ipBlock"),
            *(
                ({"ipBlock": {"cidr": cidr}}, f"{cidr!r} must be a range of addresses, such as 10.9.8.0/24")
                for cidr in (
                    *("10.0.0.0", "10.0.0/8", "10.0.0.0/33", "256.0.0.0/8", "10.0.0.0/255.0.0.0", "all", ""),
                    *("fe80::/", "fe80::%eth0/64", "fe80::1::/64", "10.0.0.0/ 8", "1/8"),
                )
            ),
            ({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0"]}}, "'10.1.0.0' must be a range of addresses"),
            *(
                ({"ipBlock": {"cidr": "10.0.0.0/8", "except": [inner]}}, f"{inner!r} must be a part of 10.0.0.0/8")
                for inner in ("11.0.0.0/16", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::/48")
            ),
        )
    ),
    Case("NetworkPolicy", "spec.egress", [{"to": [{"ipBlock": {"cidr": "all"}}]}], "'all' must be a range of addresse"),
    *(
        Case("HorizontalPodAutoscaler", "spec.metrics.0", metric, told)
        for metric, told in (
            ({"type": "Resource"}, "resource is missing: `type: Resource` needs it"),
            ({"type": "Pods", "resource": {"name": "cpu", "target": {"type": "Value", "averageValue": "1"}}},
             "pods is missing: `type: Pods` needs it"),
            ({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}},
             "averageUtilization or averageValue is missing"),
            ({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Value", "value": "1"}}},
             "averageUtilization or averageValue is missing"),
            ({"type": "Pods", "pods": {"metric": {"name": "a"}, "target": {"type": "Value", "value": "1"}}},
             "averageValue is missing"),
            ({"type": "External", "external": {"metric": {"name": "a"}, "target": {"type": "Value"}}},
             "value or averageValue is missing"),
            ({"type": "External", "external": {"metric": {"name": "a"}, "target": {
                "type": "Value", "value": "1", "averageValue": "1"}}}, "may not stand beside value"),
            ({"type": "Object", "object": {"describedObject": {"kind": "Service", "name": "a"}, "metric": {"name": "a"},
                                           "target": {"type": "Value"}}}, "value or averageValue is missing"),
            ({"type": "Object", "object": {"describedObject": {"kind": "Service", "name": "a"}, "metric": {"name": "a"},
                                           "target": {"type": "Value", "value": "0"}}}, "'0' must be more than 0"),
        )
    ),
    Case("HorizontalPodAutoscaler", "spec.metrics.0.resource.target.averageValue", "1", "may not stand beside average"),
    Case("HorizontalPodAutoscaler", "spec.metrics.0.pods", {"metric": {"name": "a"}, "target": {
        "type": "AverageValue", "averageValue": "1"}}, "may not stand beside `type: Resource`"),
    Case("HorizontalPodAutoscaler", "spec.behavior", {"scaleDown": {"stabilizationWindowSeconds": 3601}},
         "3601 must be 0 to 3600"),
    Case("HorizontalPodAutoscaler", "spec.behavior", {"scaleUp": {"policies": [
        {"type": "Pods", "value": 1, "periodSeconds": 1801}]}}, "1801 must be 1 to 1800"),
    Case("Deployment", f"{BOX}.imagePullPolicy", "always", "'always' must be one of Always, IfNotPresent, Never: writ"),
    Case("Deployment", f"{BOX}.name", "Web", "'Web' must be lower-case letters, digits and hyphens, 63"),
    Case("Deployment", f"{BOX}.name", "w" * 64, f"'{'w' * 64}' is too long: 63 characters"),
    Case("Deployment", f"{BOX}.name", "first", "'first' is one of the containers, too"),
    Case("Deployment", f"{BOX}.image", "", "image is missing"),
    Case("Deployment", f"{BOX}.env", [{"name": "A", "value": "b"}] * 2, "name 'A' stands there twice: each item needs"),
    Case("Deployment", f"{BOX}.env.0.name", "A=B", "'A=B' must be the name of a variable"),
    Case("Deployment", f"{BOX}.env.0.valueFrom", {"fieldRef": {"fieldPath": "metadata.name"}}, "may not stand beside"),
    Case("Deployment", f"{BOX}.ports.0.containerPort", 70000, "70000 must be 1 to 65535"),
    Case("Deployment", f"{BOX}.ports.0.containerPort", 0, "0 must be 1 to 65535"),
    Case("Deployment", f"{BOX}.ports.0.hostPort", -1, "-1 must be 0 to 65535"),
    Case("Deployment", f"{BOX}.ports.0.name", "http_port", "'http_port' must be lower-case letters, digits and single"),
    Case("Deployment", f"{BOX}.ports.0.name", "a-very-long-name", "'a-very-long-name' is too long: 15 characters"),
    Case("Deployment", f"{BOX}.ports.0.name", "80", "'80' must be lower-case letters, digits and single"),
    Case("Deployment", f"{BOX}.ports.0.protocol", "tcp", "'tcp' must be one of SCTP, TCP, UDP: write `TCP`"),
    Case("Deployment", f"{BOX}.ports", [{"containerPort": 80}, {"containerPort": 80, "protocol": "TCP"}],
         "containerPort 80, protocol 'TCP' stands there twice"),
    Case("Deployment", f"{BOX}.ports", [{"name": "a", "containerPort": 80}, {"name": "a", "containerPort": 81}],
         "'a' stands there twice"),
    Case("Deployment", f"{POD}.containers", [{"name": "a", "image": "x"}, {"name": "a", "image": "y"}],
         "name 'a' stands there twice"),
    Case("Deployment", f"{POD}.volumes", [{"name": "data", "emptyDir": {}}, {"name": "data", "secret": {}}],
         "name 'data' stands there twice"),
    Case("Deployment", f"{BOX}.volumeMounts", [{"name": name, "mountPath": "/a"} for name in ("data", "files")],
         "mountPath '/a' stands there twice"),
    Case("Deployment", f"{BOX}.resources.requests.cpu", 2, "2 is more than the limit, 1: raise the limit"),
    Case("Deployment", f"{BOX}.resources.requests.memory", "2Gi", "'2Gi' is more than the limit, '1Gi'"),
    Case("Deployment", f"{BOX}.resources.limits.cpu", "-1", "'-1' must be 0 or more"),
    Case("Deployment", f"{BOX}.resources.limits.memroy", "1Gi", "must be one of cpu, memory, ephemeral-storage, or ha"),
    *(Case("Deployment", f"{BOX}.resources.limits.memory", value, f"{value!r} must be a quantity")
      for value in ("1 Gi", "1GB", "lots", "", "1gi")),
    Case("Deployment", f"{BOX}.resources.limits.memory", {"a": "b"}, "the value must be a quantity"),
    Case("Deployment", f"{BOX}.readinessProbe.httpGet.port", 0, "0 must be 1 to 65535"),
    Case("Deployment", f"{BOX}.readinessProbe.httpGet.port", "HTTP", "'HTTP' must be lower-case letters, digits and s"),
    Case("Deployment", f"{BOX}.readinessProbe.httpGet.scheme", "https", "'https' must be one of HTTP, HTTPS: write `H"),
    Case("Deployment", f"{BOX}.readinessProbe.periodSeconds", -1, "-1 must be 0 or more"),
    Case("Deployment", f"{BOX}.securityContext.runAsUser", -1, "-1 must be 0 to 2147483647"),
    Case("Deployment", f"{POD}.volumes.1.name", "a_b", "'a_b' must be lower-case letters, digits and hyphens, 63"),
    Case("Deployment", f"{POD}.volumes.0.emptyDir.sizeLimit", "big", "'big' must be a quantity"),
    Case("Deployment", f"{POD}.volumes.1.configMap.defaultMode", 644, "644 must be 0 to 511"),
    Case("Deployment", f"{POD}.restartPolicy", "Never", "'Never' must be Always here"),
    Case("Deployment", f"{POD}.restartPolicy", "Sometimes", "'Sometimes' must be one of Always, Never, OnFailure"),
    Case("Deployment", f"{POD}.dnsPolicy", "clusterFirst", "'clusterFirst' must be one of ClusterFirst, ClusterFirstW"),
    Case("Deployment", f"{POD}.activeDeadlineSeconds", 0, "0 must be 1 to 2147483647"),
    Case("Deployment", f"{POD}.nodeSelector", {"a b": "c"}, "'a b' must be a word of letters"),
    Case("Deployment", f"{POD}.os", {"name": "Linux"}, "'Linux' must be one of linux, windows: write `linux`"),
    Case("Deployment", "spec.replicas", -1, "-1 must be 0 or more"),
    Case("Deployment", "spec.minReadySeconds", -1, "-1 must be 0 or more"),
    Case("Deployment", "spec.revisionHistoryLimit", -1, "-1 must be 0 or more"),
    Case("Deployment", "spec.progressDeadlineSeconds", 0, "0 must be more than minReadySeconds, 0"),
    Case("Deployment", "spec.strategy.type", "Recreate", "may not stand beside `type: Recreate`"),
    Case("Deployment", "spec.strategy.type", "Rolling", "'Rolling' must be one of Recreate, RollingUpdate"),
    Case("Deployment", "spec.strategy.rollingUpdate.maxSurge", "a lot", "'a lot' must be a number, or one with % behi"),
    Case("Deployment", "spec.strategy.rollingUpdate.maxSurge", 0, "may not be 0 when maxSurge is 0"),
    Case("Deployment", "spec.strategy.rollingUpdate.maxUnavailable", "150%", "'150%' must be 100% or less"),
    Case("Deployment", "spec.selector.matchExpressions", [{"key": "app", "operator": "In", "values": ["other"]}],
         "the labels of the pods' template do not fit"),
    Case("Deployment", "spec.selector.matchExpressions", [{"key": "x", "operator": "Exists"}],
         "the labels of the pods' template do not fit"),
    Case("Deployment", "spec.selector.matchExpressions", [{"key": "app", "operator": "In", "values": []}],
         "values is missing: `operator: In` needs some"),
    Case("Deployment", "spec.selector.matchExpressions", [{"key": "app", "operator": "Exists", "values": ["web"]}],
         "may not stand beside `operator: Exists`"),
    Case("Deployment", "spec.selector.matchLabels", {"app": "other"}, "'other' has to stand in spec.template.metadata"),
    *(
        Case("Deployment", f"{BOX}.{probe}", {"periodSeconds": 5}, "exec, grpc, httpGet or tcpSocket is missing")
        for probe in ("readinessProbe", "livenessProbe", "startupProbe")
    ),
    Case("Deployment", f"{BOX}.readinessProbe.tcpSocket", {"port": 80}, "may not stand beside httpGet: take one of th"),
    Case("Deployment", f"{BOX}.readinessProbe", {"exec": {"command": []}}, "command is missing"),
    Case("Deployment", f"{BOX}.readinessProbe.terminationGracePeriodSeconds", 5, "may not stand in a readinessProbe"),
    Case("Deployment", f"{BOX}.livenessProbe", {"grpc": {"port": 1}, "successThreshold": 2}, "2 must be 1 in a livene"),
    Case("Deployment", f"{BOX}.startupProbe", {"grpc": {"port": 1}, "successThreshold": 2}, "2 must be 1 in a startup"),
    Case("Deployment", f"{BOX}.lifecycle", {"preStop": {}}, "exec, httpGet, sleep or tcpSocket is missing"),
    Case("Deployment", f"{BOX}.lifecycle", {"preStop": {"exec": {"command": ["a"]}, "httpGet": {"port": 80}}},
         "may not stand beside exec"),
    Case("Deployment", f"{POD}.initContainers.0.readinessProbe", {"grpc": {"port": 1}}, "may stand in an init contain"),
    Case("Deployment", f"{POD}.initContainers.0.lifecycle", {"preStop": {"sleep": {"seconds": 1}}}, "may stand in an "),
    Case("Deployment", f"{POD}.containers", [], "a pod needs a container"),
    Case("Deployment", f"{BOX}.volumeMounts.0.name", "none", "'none' is none of the pod's volumes"),
    Case("Deployment", f"{BOX}.env", [{"name": "A", "valueFrom": {}}], "configMapKeyRef, fieldRef, fileKeyRef, resour"),
    Case("Deployment", f"{BOX}.env", [{"name": "A", "valueFrom": {
        "fieldRef": {"fieldPath": "metadata.name"}, "secretKeyRef": {"name": "a", "key": "b"},
    }}], "may not stand beside fieldRef"),
    Case("Deployment", f"{BOX}.envFrom", [{}], "configMapRef or secretRef is missing"),
    Case("Deployment", f"{BOX}.envFrom", [{"secretRef": {"name": "a"}, "configMapRef": {"name": "b"}}], "may not stan"),
    Case("Deployment", f"{POD}.volumes.0.secret", {"secretName": "a"}, "may not stand beside emptyDir"),
    Case("Deployment", "metadata.labels", {"app": "a b"}, "'a b' must be letters, digits, hyphens, dots and undersc"),
    Case("Deployment", "metadata.labels", {"app": "x" * 64}, f"'{'x' * 64}' is too long: 63 characters"),
    Case("Deployment", "metadata.labels", {"a/b/c": "x"}, "'a/b/c' must be a word of letters, digits, hyphens, dots"),
    Case("Deployment", "metadata.labels", {"Example.org/c": "x"}, "'Example.org/c' must be a word of letters, digits"),
    Case("Deployment", "metadata.annotations", {"a b": "x"}, "'a b' must be a word of letters, digits, hyphens, dots"),
    Case("StatefulSet", "spec.replicas", -1, "-1 must be 0 or more"),
    Case("StatefulSet", "spec.podManagementPolicy", "parallel", "'parallel' must be one of OrderedReady, Parallel: wr"),
    Case("StatefulSet", "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", "Keep", "'Keep' must be one of Retai"),
    Case("StatefulSet", f"{POD}.restartPolicy", "OnFailure", "'OnFailure' must be Always here"),
    *(
        Case("StatefulSet", "spec.volumeClaimTemplates.0.metadata.name", name, f"{name!r} must be lower-case letters")
        for name in ("Data", "a_b", "a.b")
    ),
    Case("StatefulSet", "spec.volumeClaimTemplates.0.metadata.name", "a" * 64, f"'{'a' * 64}' is too long: 63 charact"),
    Case("StatefulSet", "spec.volumeClaimTemplates.0.spec.accessModes", [], "accessModes is missing"),
    Case("StatefulSet", "spec.updateStrategy", {"rollingUpdate": {"partition": -1}}, "-1 must be 0 or more"),
    Case("StatefulSet", "spec.updateStrategy", {"type": "OnDelete", "rollingUpdate": {"partition": 1}},
         "may not stand beside `type: OnDelete`"),
    *(
        Case("DaemonSet", "spec.updateStrategy.rollingUpdate", value, told)
        for value, told in (
            ({"maxUnavailable": "150%"}, "'150%' must be 100% or less"),
            ({"maxSurge": "150%", "maxUnavailable": 0}, "'150%' must be 100% or less"),
            ({"maxUnavailable": "some"}, "'some' must be a number, or one with % behind it"),
            ({"maxUnavailable": -1}, "-1 must be 0 or more"),
            ({"maxUnavailable": 0}, "may not be 0 when maxSurge is 0"),
            ({"maxSurge": 1, "maxUnavailable": 1}, "must be 0 when maxUnavailable is not: a DaemonSet does one or the"),
            ({"maxSurge": 1}, "must be 0 when maxUnavailable is not: a DaemonSet does one or the other, and 1 is the "),
        )
    ),
    Case("DaemonSet", "spec.minReadySeconds", -1, "-1 must be 0 or more"),
    Case("DaemonSet", f"{POD}.restartPolicy", "Never", "'Never' must be Always here"),
    *(Case("CronJob", "spec.schedule", schedule, f"{schedule!r} is no schedule: ")
      for schedule in ("every day", "0 0 * *", "0 0 0 * * *", "60 * * * *", "* * * * 7", "*/0 * * * *", "5-1 * * * *",
                       "@reboot", "@every day", "TZ=UTC 0 0 * * *", "a * * * *", "1-2-3 * * * *", "* * 0 * *", "")),
    Case("CronJob", "spec.concurrencyPolicy", "Deny", "'Deny' must be one of Allow, Forbid, Replace"),
    Case("CronJob", "spec.startingDeadlineSeconds", -1, "-1 must be 0 or more"),
    Case("CronJob", "spec.failedJobsHistoryLimit", -1, "-1 must be 0 or more"),
    Case("CronJob", f"{JOB}.backoffLimit", -1, "-1 must be 0 or more"),
    Case("CronJob", f"{JOB}.parallelism", -1, "-1 must be 0 or more"),
    Case("CronJob", f"{JOB}.ttlSecondsAfterFinished", -1, "-1 must be 0 or more"),
    Case("CronJob", f"{JOB}.template.spec.restartPolicy", "Always", "'Always' must be OnFailure or Never here"),
    Case("CronJob", f"{JOB}.template.spec.restartPolicy", None, "restartPolicy is missing: write OnFailure or Never"),
    Case("Service", "spec.type", "Loadbalancer", "'Loadbalancer' must be one of ClusterIP, ExternalName, LoadBalancer"),
    Case("Service", "spec.sessionAffinity", "Client", "'Client' must be one of ClientIP, None: write `ClientIP`"),
    Case("Service", "spec.ports.0.port", 0, "0 must be 1 to 65535"),
    Case("Service", "spec.ports.0.nodePort", -1, "-1 must be 0 to 65535"),
    Case("Service", "spec.ports.0.targetPort", 70000, "70000 must be 1 to 65535"),
    Case("Service", "spec.ports.0.name", "HTTP", "'HTTP' must be lower-case letters, digits and hyphens, 63"),
    Case("Service", "spec.ports", [{"name": "a", "port": 80}, {"port": 81}], "name is missing: a Service with several"),
    Case("Service", "spec.ports", [{"name": "a", "port": 80}, {"name": "b", "port": 80}],
         "port 80, protocol 'TCP' stands there twice"),
    Case("Service", "spec.ports", [{"name": "a", "port": 80}, {"name": "a", "port": 81}], "'a' stands there twice"),
    *(
        Case("Service", "spec", spec, told)
        for spec, told in (
            ({"selector": {"app": "web"}}, "ports is missing: a Service needs one, but for `clusterIP: None` and `typ"),
            ({"type": "LoadBalancer", "ports": []}, "ports is missing"),
            ({"type": "ExternalName"}, "externalName is missing: `type: ExternalName` needs it"),
            ({"type": "NodePort", "clusterIP": "None", "ports": [{"port": 80}]}, "'None' may not stand beside `type: "),
            ({"ports": [{"port": 80, "nodePort": 30000}]}, "30000 needs `type: NodePort` or `type: LoadBalancer`"),
        )
    ),
    Case("Service", "spec.selector", {"app": "a b"}, "'a b' must be letters, digits, hyphens, dots and underscores"),
    Case("ConfigMap", "data", {"a b": "c"}, "a key must be letters, digits, hyphens, dots and underscores"),
    Case("ConfigMap", "data", {"..": "c"}, "a key must be letters, digits, hyphens, dots and underscores"),
    Case("PersistentVolumeClaim", "spec.accessModes", ["ReadWriteonce"], "'ReadWriteonce' must be one of ReadOnlyMany"),
    Case("PersistentVolumeClaim", "spec.accessModes", [], "accessModes is missing"),
    Case("PersistentVolumeClaim", "spec.accessModes", ["ReadWriteOncePod", "ReadWriteOnce"], "ReadWriteOncePod stands"),
    Case("PersistentVolumeClaim", "spec.resources", {}, "resources.requests.storage is missing"),
    Case("PersistentVolumeClaim", "spec.resources.requests.storage", "0", "'0' must be more than 0"),
    Case("PersistentVolumeClaim", "spec.volumeMode", "File", "'File' must be one of Block, Filesystem"),
    Case("PersistentVolumeClaim", "spec.resources.requests.storage", "10 GB", "'10 GB' must be a quantity"),
    Case("Ingress", "spec.rules.0.http.paths.0.pathType", "prefix", "'prefix' must be one of Exact, ImplementationSpe"),
    Case("Ingress", "spec.rules.0.http.paths.0.path", "api", "'api' must begin with a slash"),
    Case("Ingress", "spec.rules.0.http.paths.0.path", "", "path is missing: `pathType: Prefix` needs one"),
    Case("Ingress", "spec.rules.0.http.paths.0.backend.service.port.number", 70000, "70000 must be 0 to 65535"),
    Case("Ingress", "spec.rules.0.host", "https://example.org", "'https://example.org' must be a host's name in lower"),
    Case("Ingress", "spec.tls", [{"hosts": ["A.example.org"]}], "'A.example.org' must be a host's name in lower-case"),
    Case("Ingress", "spec.rules.0.host", "10.0.0.1", "'10.0.0.1' must be a host's name, not an IP address"),
    Case("Ingress", "spec.rules.0.host", "010.0.0.1", "'010.0.0.1' must be a host's name, not an IP address"),
    Case("Ingress", "spec.rules.0.http.paths.0.backend", {}, "resource or service is missing"),
    Case("Ingress", "spec.rules.0.http.paths.0.backend.resource", {"kind": "a", "name": "b"}, "may not stand beside r"),
    Case("Ingress", "spec.rules.0.http.paths.0.backend.service.port", {}, "name or number is missing"),
    Case("Ingress", "spec.rules.0.http.paths.0.backend.service.port.name", "http", "may not stand beside name: take o"),
    Case("NetworkPolicy", "spec.policyTypes", ["ingress"], "'ingress' must be one of Egress, Ingress: write `Ingress`"),
    Case("NetworkPolicy", "spec.ingress.0.ports.0.port", 0, "0 must be 1 to 65535"),
    Case("NetworkPolicy", "spec.podSelector.matchLabels", {"a b": "c"}, "'a b' must be a word of letters, digits, hyp"),
    Case("PodDisruptionBudget", "spec.minAvailable", -1, "-1 must be 0 or more"),
    Case("PodDisruptionBudget", "spec.minAvailable", "half", "'half' must be a number, or one with % behind it"),
    Case("PodDisruptionBudget", "spec.minAvailable", "101%", "'101%' must be 100% or less"),
    Case("PodDisruptionBudget", "spec", {"maxUnavailable": "150%", "selector": {}}, "'150%' must be 100% or less"),
    Case("PodDisruptionBudget", "spec.maxUnavailable", 1, "may not stand beside minAvailable: take one of them out"),
    Case("PodDisruptionBudget", "spec.selector.matchExpressions.0.operator", "in", "'in' must be one of In, NotIn, Ex"),
    Case("HorizontalPodAutoscaler", "spec.maxReplicas", 0, "0 must be 1 or more"),
    Case("HorizontalPodAutoscaler", "spec.minReplicas", -1, "-1 must be 0 or more"),
    Case("HorizontalPodAutoscaler", "spec.minReplicas", 5, "3 must be minReplicas, 5, or more"),
    Case("HorizontalPodAutoscaler", "spec.metrics.0.type", "cpu", "'cpu' must be one of Object, Pods, Resource, Conta"),
    Case("HorizontalPodAutoscaler", "spec.metrics.0.resource.target.averageUtilization", 0, "0 must be 1 or more"),
    Case("RoleBinding", "roleRef.kind", "role", "'role' must be one of Role, ClusterRole: write `Role`"),
    Case("RoleBinding", "subjects.0.kind", "serviceaccount", "'serviceaccount' must be one of ServiceAccount, User, G"),
    Case("StorageClass", "volumeBindingMode", "Wait", "'Wait' must be one of Immediate, WaitForFirstConsumer"),
    Case("StorageClass", "reclaimPolicy", "Keep", "'Keep' must be one of Delete, Recycle, Retain"),
]  # fmt: skip
