{{- define "isthmus-cluster.labels" -}}
{{ include "isthmus-cluster.selector" . }}
app.kubernetes.io/part-of: isthmus
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "isthmus-cluster.selector" -}}
app.kubernetes.io/name: isthmus-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Not those of the agent: its Service and its budgets must not select the job. */}}
{{- define "isthmus-cluster.uninstall.labels" -}}
app.kubernetes.io/name: isthmus-uninstall
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: isthmus
{{- end }}
