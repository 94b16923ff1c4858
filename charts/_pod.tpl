{{/* Copied from charts/_pod.tpl by npm run generate:charts. */}}
{{/* What the platform wants: values that a user sets count over it. */}}
{{- define "CHART.profile" -}}
{{- .Files.Get (printf "profiles/%s.yaml" .Values.profile) -}}
{{- end }}

{{/* The keys of the first map, and those of the second over them. `merge` would take a false for no value. */}}
{{- define "CHART.over" -}}
{{- $out := deepCopy (first . | default dict) -}}
{{- range $key, $value := last . }}{{- $_ := set $out $key $value }}{{- end -}}
{{- toYaml $out -}}
{{- end }}

{{- define "CHART.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "CHART.priorityClass" -}}
{{- $profile := include "CHART.profile" . | fromYaml -}}
{{- .Values.priorityClassName | default ($profile.priorityClassName | default "") -}}
{{- end }}

{{/* Which nodes a pod may run on, and from where its image comes. */}}
{{- define "CHART.nodes" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Where a pod of the program itself runs. */}}
{{- define "CHART.placement" -}}
{{- with include "CHART.priorityClass" . }}
priorityClassName: {{ . }}
{{- end }}
{{- include "CHART.nodes" . }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints:
{{- range . }}
  - {{- merge (dict) . (dict "labelSelector" (dict "matchLabels" (include "CHART.selector" $ | fromYaml))) | toYaml | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}

{{/* A quota that admits pods of the priority class in this namespace. */}}
{{- define "CHART.priorityQuota" -}}
{{- $profile := include "CHART.profile" . | fromYaml -}}
{{- $class := include "CHART.priorityClass" . -}}
{{- if and $class (or .Values.priorityQuota $profile.priorityQuota) }}
apiVersion: v1
kind: ResourceQuota
metadata:
  name: CHART
  namespace: {{ .Release.Namespace }}
  labels: {{- include "CHART.labels" . | nindent 4 }}
spec:
  hard:
    pods: 100
  scopeSelector:
    matchExpressions:
      - operator: In
        scopeName: PriorityClass
        values: [{{ $class }}]
{{- end }}
{{- end }}
