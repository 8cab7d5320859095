"""Templates on which the port is held to Go's own engine, and the data that both are given."""

from __future__ import annotations

from typing import Any

from sluice.images.message import message_data
from sluice.images.setters import Change, ObjectName
from tests.sluice.templates.sprig_calls import SPRIGS

SHOP = ObjectName(api_version="apps/v1", kind="Deployment", name="shop", namespace="team")
CART = ObjectName(api_version="kustomize.config.k8s.io/v1beta1", kind="Kustomization")
CHANGES = {
    "apps/shop.yaml": (Change(setter="team:shop", old="shop:1", new="shop:2", line=3, object=SHOP),),
    "apps/cart.yaml": (Change(setter="team:cart:tag", old="7", new="8", line=9, object=CART),),
}
PLAIN: dict[str, Any] = {
    "s": "Shop",
    "n": 3,
    "f": 1.5,
    "t": True,
    "z": 0,
    "e": "",
    "none": None,
    "u": "é€",
    "l": ["b", "a", "c"],
    "m": {"k": "v", "n": 2},
    "i": [1, "x", 2.5, None, True],
}
DATA: dict[str, Any] = {
    "plain": PLAIN,
    "message": message_data("team/auto", CHANGES, {"env": "prod"}, {}),
}
GUIDE = """Automated image update

Automation name: {{ .AutomationObject }}

Files:
{{ range $filename, $_ := .Changed.FileChanges -}}
- {{ $filename }}
{{ end -}}

Objects:
{{ range $resource, $changes := .Changed.Objects -}}
- {{ $resource.Kind | lower }} {{ $resource.Name | lower }}
  Changes:
{{- range $_, $change := $changes }}
  {{ if contains "shop:2" $change.NewValue -}}
    - {{ $change.OldValue }} -> {{ $change.NewValue }}
  {{ else -}}
    [skip ci] wrong image
  {{ end -}}
{{ end -}}
{{ end -}}
"""
GERRIT = """Perform automatic image update

Automation name: {{ .AutomationObject }}

{{- $ChangeId := .AutomationObject -}}
{{- $ChangeId = printf "%s%s" $ChangeId ( .Changed.FileChanges | toString ) -}}
{{- $ChangeId = printf "%s%s" $ChangeId ( .Changed.Objects | toString ) -}}
{{- $ChangeId = printf "%s%s" $ChangeId ( .Changed.Changes | toString ) }}
Change-Id: {{ printf "I%s" ( sha256sum $ChangeId | trunc 40 ) }}
"""
MESSAGES = (
    GUIDE,
    GERRIT,
    "{{ range .Changed.Changes }}{{ print .OldValue }} -> {{ println .NewValue }}{{ end }}",
    "{{range .Changed.Changes}}{{println .NewValue}}{{end}}",
    "{{ .AutomationObject.Name }} {{ .AutomationObject.Namespace }} {{ .Values.env }} {{ .Values.missing }}!",
    "{{ range $r, $_ := .Changed.Objects }}{{ $r }}|{{ $r.APIVersion }}{{ end }}",
    "{{ .Changed }} {{ .Changed.FileChanges }} {{ .Changed.Objects | len }}",
    "{{ with (index .Changed.Changes 0) }}{{ .Setter }}{{ end }}",
    "{{ (index .Changed.Changes 1).NewValue }}",
    "{{ range $i, $c := .Changed.Changes }}{{ if $i }}, {{ end }}{{ $c.NewValue }}{{ end }}",
    "{{ .Updated.Nothing }}",
    "{{ .Changed.Nothing }}",
    '{{ $v := index .Values "env" }}{{ $v }} {{ index .Values "no" }}.',
    '{{ if eq .Values.env "prod" }}live{{ else if eq .Values.env "test" }}try{{ else }}?{{ end }}',
    "{{ .Values }} {{ .Values | toJson }} {{ toJson .AutomationObject }}",
    '{{ range .Changed.Changes }}{{ regexFind "[0-9]+" .NewValue }}{{ end }}',
    "{{ println .AutomationObject.Name 1 2 }}{{ print 1 2 .AutomationObject 3 4 }}",
    '{{ printf "%s %v %q" .AutomationObject .AutomationObject .AutomationObject.Name }}',
)
PLAINS = (
    *(
        "",
        "no action",
        "a {{- /* comment */ -}} b",
        "{{/* a\nb */}}x",
        "x {{- .s -}} y",
        "{{ .s }}{{ .missing }}{{ .none }}",
    ),
    *(
        "{{ . | len }}",
        "{{ .s.x }}",
        "{{ .n.x }}",
        "{{ .m.k }}{{ .m.none }}",
        "{{ .m.k.x }}",
        "{{ $.s }}",
        "{{ $ | len }}",
    ),
    *(
        "{{ if .t }}a{{ else }}b{{ end }}",
        "{{ if .z }}a{{ else if .e }}b{{ else }}c{{ end }}",
        "{{ if .none }}a{{ end }}",
    ),
    *("{{ with .m }}{{ .k }}{{ $.s }}{{ end }}", "{{ with .e }}a{{ else }}{{ .s }}{{ end }}"),
    *("{{ with .e }}a{{ else with .s }}{{ . }}{{ end }}", "{{ with $x := .n }}{{ $x }}{{ end }}", "{{ $x }}"),
    *(
        "{{ range .l }}{{ . }},{{ end }}",
        "{{ range $i, $e := .l }}{{ $i }}{{ $e }}{{ end }}",
        "{{ range .none }}a{{ else }}b{{ end }}",
    ),
    *(
        "{{ range $k, $v := .m }}{{ $k }}={{ $v }};{{ end }}",
        "{{ range 3 }}{{ . }}{{ end }}",
        "{{ range .s }}x{{ end }}",
    ),
    *(
        '{{ range .l }}{{ if eq . "a" }}{{ continue }}{{ end }}{{ . }}{{ end }}',
        "{{ range .l }}{{ . }}{{ break }}{{ end }}",
    ),
    *(
        "{{ break }}",
        "{{ range .l }}x",
        "{{ end }}",
        "{{ if .t }}a{{ else }}b{{ else }}c{{ end }}",
        "{{ nothing }}",
        "{{ .s",
        "{{ }}",
    ),
    *("{{ $x := 1 }}{{ $x = 2 }}{{ $x }}", "{{ $x := 1 }}{{ if .t }}{{ $x = 2 }}{{ end }}{{ $x }}", "{{ $x = 1 }}"),
    *("{{ $x := 1 }}{{ if .t }}{{ $x := 2 }}{{ end }}{{ $x }}", "{{ if .t }}{{ $y := 1 }}{{ end }}{{ $y }}"),
    *('{{ define "T" }}<{{ . }}>{{ end }}{{ template "T" .s }}{{ template "T" }}', '{{ template "no" . }}'),
    *(
        '{{ block "B" .n }}[{{ . }}]{{ end }}',
        '{{ define "T" }}{{ $ }}{{ end }}{{ template "T" .l }}',
        '{{ define "T" }}{{ $x }}{{ end }}',
    ),
    *(
        '{{ "a\\tb\\u00e9\\x41" }}',
        "{{ `raw\\n` }}",
        "{{ 'a' }}",
        "{{ 0x1F }} {{ 017 }} {{ 1_000 }} {{ 1e3 }} {{ -2 }} {{ 1.50 }}",
    ),
    *(
        "{{ true }} {{ false }}",
        "{{ nil }}",
        "{{ .i }} {{ .m }} {{ .l }} {{ .f }} {{ .u }}",
        "{{ print }}",
        "{{ println }}",
    ),
    *('{{ print 1 2 }} {{ print 1 "a" 2 }} {{ print .i .l }}', '{{ println 1 "a" .none }}', "{{ print nil }}"),
    *(
        "{{ len .s }} {{ len .u }} {{ len .l }} {{ len .m }}",
        "{{ len .n }}",
        "{{ len .none }}",
        "{{ len }}",
        "{{ len .s .s }}",
    ),
    *(
        '{{ index .l 1 }} {{ index .m "k" }} {{ index .m "x" }} {{ index .s 0 }}',
        "{{ index .l 3 }}",
        "{{ index .none 0 }}",
        "{{ index .l }}",
    ),
    *(
        '{{ index .l "a" }}',
        "{{ index .i 1 }} {{ index .i 3 }}",
        "{{ slice .s 1 3 }}",
        "{{ slice .l 1 }}",
        "{{ slice .l 1 2 }}",
        "{{ slice .l 4 }}",
    ),
    *(
        '{{ eq .n 3 }} {{ eq .n 1 2 3 }} {{ ne .s "Shop" }} {{ eq .t true }}',
        '{{ eq .n "3" }}',
        "{{ eq .n 3.0 }}",
        "{{ eq .none nil }}",
        "{{ eq .n }}",
    ),
    *(
        "{{ eq .l .l }}",
        "{{ lt 1 2 }} {{ le 2 2 }} {{ gt 3 2 }} {{ ge 1 2 }}",
        '{{ lt "a" "b" }} {{ lt "é" "z" }}',
        '{{ lt 1 "a" }}',
        "{{ lt true false }}",
    ),
    *(
        "{{ lt 1.5 2.5 }}",
        "{{ lt .n 3.5 }}",
        "{{ and .t .z }} {{ and .t .s }} {{ or .z .e }} {{ or .z .s }}",
        "{{ or .t (index .l 9) }}",
        '{{ and .z (fail "x") }}',
    ),
    *("{{ not .t }} {{ not .e }}", "{{ and }}", "{{ or }}", "{{ .z | or .s }}", "{{ .s | and .t }}", "{{ 1 | and }}"),
    *(
        '{{ .s | printf "%s-%d" | upper }}',
        '{{ .n | printf "%s-%d" .s }}',
        "{{ .s | .n }}",
        "{{ .s | 3 }}",
        "{{ .s .n }}",
        "{{ (.s) }} {{ (len .l) }}",
    ),
    *(
        '{{ printf "%v %d %s %q %x %X %t %5d|%-5d|%05d|%+d" .s .n .s .s .s .n .t .n .n .n .n }}',
        '{{ printf "%f %.2f %e %g %8.3f|" .f .f .f .f .f }}',
    ),
    *(
        '{{ printf "%d" .s }}',
        '{{ printf "%s" .n }}',
        '{{ printf "%d" }}',
        '{{ printf "%s" .s .n }}',
        '{{ printf "%z" .s }}',
        '{{ printf "%" }}',
        '{{ printf "%%" }}',
    ),
    *(
        '{{ printf "%v %s %d" .l .l .i }}',
        '{{ printf "%v %+v" .m .m }}',
        '{{ printf "%6.2s|%-6s|%6s" .s .s .s }}',
        '{{ printf "%c %U %b %o %#x" 97 97 5 8 255 }}',
    ),
    *(
        '{{ printf "%T %T %T" .s .n .f }}',
        '{{ printf "%v" .none }}',
        '{{ printf "%*d" 5 .n }}',
        "{{ printf .n }}",
        '{{ printf "%t" .n }}',
        '{{ printf "% d" .n }}',
    ),
    *(
        '{{ html "<a href=\'x\'>&\\"" }}',
        '{{ js "it\'s <b>" }}',
        '{{ urlquery "a b&c/é" }}',
        "{{ 1e21 }} {{ 1e20 }} {{ 0.0001 }} {{ 0.00001 }} {{ 1e-7 }} {{ 123456789.5 }}",
    ),
    *(
        "{{.s}}{{-  .s  -}}{{.s}}",
        "{{- .s}}",
        "a {{-.s}}",
        "{{ -1 }}",
        "{{-1}}",
        '{{ .s}}  {{- "x" }}',
        "{{ .l.x }}",
        "{{ .i | len }}",
        "{{(.m).k}}",
        "{{ (.m).x.y }}",
    ),
    *(
        "{{ .s|lower|quote }}",
        "{{ squote .s .n }}",
        '{{ cat "a" 1 .none "b" }}',
        "{{ quote .n .none .l }}",
        '{{ "a"b }}',
        "{{ .s.}}",
        "{{ .s..x }}",
        '{{ "unclosed }}',
        "{{ $ }}",
    ),
    *(
        "{{ range $i, $e := .l }}{{ else }}{{ end }}",
        "{{ range $a, $b, $c := .l }}{{ end }}",
        "{{ $a, $b := .l }}",
        "{{ range $e := .l }}{{ $e }}{{ end }}{{ $e }}",
    ),
)
TEMPLATES = (
    *(("message", one) for one in MESSAGES),
    *(("plain", one) for one in PLAINS),
    *(("plain", f"{{{{ {one} }}}}") for one in SPRIGS),
)
