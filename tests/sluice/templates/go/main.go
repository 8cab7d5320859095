// Renders templates by Go's own engine with the functions that Flux gives its users: what the port is held to.
package main

import (
	"encoding/json"
	"os"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

type NamespacedName struct{ Namespace, Name string }

func (n NamespacedName) String() string { return n.Namespace + "/" + n.Name }

type TypeMeta struct{ APIVersion, Kind string }
type NameMeta struct{ Name, Namespace string }
type ResourceIdentifier struct {
	TypeMeta
	NameMeta
}
type ObjectIdentifier struct{ ResourceIdentifier }
type Change struct{ OldValue, NewValue, Setter string }
type ObjectChanges map[ObjectIdentifier][]Change
type Result struct{ FileChanges map[string]ObjectChanges }

func (r Result) Changes() []Change {
	return []Change{
		{"shop:1", "shop:2", "team:shop"}, {"7", "8", "team:cart:tag"},
	}
}

func (r Result) Objects() ObjectChanges {
	all := ObjectChanges{}
	for _, objects := range r.FileChanges {
		for id, changes := range objects {
			all[id] = append(all[id], changes...)
		}
	}
	return all
}

type TemplateData struct {
	AutomationObject NamespacedName
	Changed          Result
	Values           map[string]string
}

func message() TemplateData {
	shop := ObjectIdentifier{ResourceIdentifier{TypeMeta{"apps/v1", "Deployment"}, NameMeta{"shop", "team"}}}
	cart := ObjectIdentifier{ResourceIdentifier{TypeMeta{"kustomize.config.k8s.io/v1beta1", "Kustomization"}, NameMeta{"", ""}}}
	return TemplateData{
		AutomationObject: NamespacedName{"team", "auto"},
		Changed: Result{FileChanges: map[string]ObjectChanges{
			"apps/shop.yaml": {shop: {{"shop:1", "shop:2", "team:shop"}}},
			"apps/cart.yaml": {cart: {{"7", "8", "team:cart:tag"}}},
		}},
		Values: map[string]string{"env": "prod"},
	}
}

func plain() map[string]any {
	return map[string]any{
		"s": "Shop", "n": 3, "f": 1.5, "t": true, "z": 0, "e": "", "none": nil, "u": "é€",
		"l": []string{"b", "a", "c"}, "m": map[string]any{"k": "v", "n": 2}, "i": []any{1, "x", 2.5, nil, true},
	}
}

type made struct {
	Template string `json:"template"`
	Data     string `json:"data"`
	Text     string `json:"text"`
	Fails    bool   `json:"fails"`
}

func main() {
	var cases []made
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		panic(err)
	}
	for i := range cases {
		one := &cases[i]
		one.Text, one.Fails = render(one.Template, one.Data)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	if err := out.Encode(cases); err != nil {
		panic(err)
	}
}

func render(text, data string) (string, bool) {
	parsed, err := template.New("commit message").Funcs(sprig.HermeticTxtFuncMap()).Parse(text)
	if err != nil {
		return "", true
	}
	var given any = plain()
	if data == "message" {
		given = message()
	}
	var out strings.Builder
	if err := parsed.Execute(&out, given); err != nil {
		return "", true
	}
	return out.String(), false
}
