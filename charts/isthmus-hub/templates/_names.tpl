{{- define "isthmus-hub.labels" -}}
{{ include "isthmus-hub.selector" . }}
app.kubernetes.io/part-of: isthmus
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "isthmus-hub.selector" -}}
app.kubernetes.io/name: isthmus-hub
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
