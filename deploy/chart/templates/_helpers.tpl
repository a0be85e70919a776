{{- /* The name of all objects; "nuvop" for a release of that name. */}}
{{- define "nuvop.name" -}}
{{- if contains "nuvop" .Release.Name }}{{ .Release.Name }}{{ else }}{{ printf "%s-nuvop" .Release.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- /* The name of roles and bindings: outside of nuvop-system another operator may be there, too. No release and no namespace has a colon. */}}
{{- define "nuvop.roleName" -}}
{{ include "nuvop.name" . }}{{ if ne .Release.Namespace "nuvop-system" }}:{{ .Release.Namespace }}{{ end }}
{{- end }}

{{- define "nuvop.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "nuvop.name" .) }}
{{- else }}
{{- required "serviceAccount.create is false: serviceAccount.name must say which one the operator has" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "nuvop.image" -}}
{{- with .Values.image }}
{{- .repository }}{{ with .tag | default (ternary $.Chart.AppVersion "" (empty .digest)) }}:{{ . }}{{ end }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}
{{- end }}

{{- define "nuvop.selectorLabels" -}}
app.kubernetes.io/name: nuvop
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "nuvop.labels" -}}
{{ include "nuvop.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* Which of files/rights the operator has. Nobody knows beforehand which namespaces a pattern will match. */}}
{{- define "nuvop.mode" -}}
{{- if not .Values.watchNamespaces }}cluster{{ else if regexMatch "[*?!]" (join " " .Values.watchNamespaces) }}patterns{{ else }}namespaced{{ end }}
{{- end }}
