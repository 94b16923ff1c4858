#!/bin/sh
# isthmus-cni: a CNI plugin that is chained behind a cluster's own, so that a pod is captured before its first container
# starts. It hands each call to the node agent by a file, waits for the answer, and prints the result of the plugin before it.
# It needs sh, awk, cat, mv, rm, and a sleep that takes fractions of a second.
set -u
umask 077
box=${ISTHMUS_CNI_BOX:-/var/run/isthmus-cni}

refuse() { # code, reason: what a runtime expects of a plugin that failed
  printf '{"cniVersion":"1.0.0","code":%s,"msg":"isthmus-cni: %s"}\n' "$1" "$2"
  exit 1
}

lists() { # file, word: whether a line of the file is the word
  [ -r "$1" ] || return 1
  while IFS= read -r line; do
    [ "$line" = "$2" ] && return 0
  done <"$1"
  return 1
}

previous() { # prints the value of prevResult, wherever it stands: braces are counted, but not those within strings
  printf '%s' "$config" | awk '
    { text = text $0 "\n" }
    END {
      if (!match(text, /"prevResult"[ \t\r\n]*:[ \t\r\n]*\{/)) exit 1
      depth = 0
      inString = 0
      for (i = RSTART + RLENGTH - 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        result = result c
        if (inString && c == "\\") {
          i++
          result = result substr(text, i, 1)
        } else if (c == "\"") inString = !inString
        else if (!inString && c == "{") depth++
        else if (!inString && c == "}" && --depth == 0) {
          print result
          exit 0
        }
      }
      exit 1
    }'
}

pass() {
  previous || refuse 7 'there is no prevResult: it must not be the first plugin of its chain'
  exit 0
}

hand() { # writes the request under another name first, as the agent must never read half of one
  { env | while IFS= read -r line; do case $line in CNI_*) printf '%s\n' "$line" ;; esac; done; } >"$box/.$id" 2>/dev/null &&
    mv "$box/.$id" "$box/$id.request" 2>/dev/null
}

command=${CNI_COMMAND:-}
case $command in
VERSION)
  printf '{"cniVersion":"1.0.0","supportedVersions":["0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}\n'
  exit 0
  ;;
ADD | DEL) ;;
*) exit 0 ;; # CHECK, GC and STATUS have nothing to do here
esac

config=$(cat)
container=${CNI_CONTAINERID:-}
case $container in
'' | *[!A-Za-z0-9_.-]*)
  [ "$command" = DEL ] && exit 0
  refuse 4 'CNI_CONTAINERID is missing, or no name of a file'
  ;;
esac
id=$command-$container-$$

if [ "$command" = DEL ]; then
  hand
  exit 0 # it must neither wait nor fail: DEL comes several times, and the request stays until an agent reads it
fi

arguments=\;${CNI_ARGS:-}\;
namespace=${arguments##*;K8S_POD_NAMESPACE=}
namespace=${namespace%%;*}
# What the mesh needs to start must not wait for it; and without an agent on this node nothing has been enrolled.
lists "$box/own" "$namespace" && pass

enrolled=false
tries=${ISTHMUS_CNI_TRIES_OTHERS:-100} # 20 ms each: 2 s, as the agent answers in milliseconds
if lists "$box/namespaces" "$namespace"; then
  enrolled=true
  tries=${ISTHMUS_CNI_TRIES:-1500} # 30 s
fi
if ! hand; then
  [ "$enrolled" = true ] && refuse 5 "the folder $box cannot be written"
  pass
fi

until [ -e "$box/$id.answer" ]; do
  tries=$((tries - 1))
  if [ "$tries" -le 0 ]; then
    rm -f "$box/$id.request"
    # 11: the runtime may try again, which the kubelet does.
    [ "$enrolled" = true ] && refuse 11 "the node agent does not answer, and the namespace $namespace is captured"
    pass
  fi
  sleep 0.02
done
verdict= reason=
read -r verdict reason <"$box/$id.answer"
rm -f "$box/$id.answer"
[ "$verdict" = ok ] || refuse 11 "$reason"
pass
