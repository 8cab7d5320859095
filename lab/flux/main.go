// Fields prints, for each kind of Flux's API, the paths of what a manifest may set: one JSON object, kind to paths.
//
// They are read from the Go types that Flux's own definitions of the kinds are generated from.
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"sort"
	"strings"

	helm "github.com/fluxcd/helm-controller/api/v2"
	automation "github.com/fluxcd/image-automation-controller/api/v1"
	reflector "github.com/fluxcd/image-reflector-controller/api/v1"
	kustomize "github.com/fluxcd/kustomize-controller/api/v1"
	notification "github.com/fluxcd/notification-controller/api/v1"
	alerting "github.com/fluxcd/notification-controller/api/v1beta3"
	source "github.com/fluxcd/source-controller/api/v1"
)

var kinds = map[string]any{
	"GitRepository":         source.GitRepositorySpec{},
	"OCIRepository":         source.OCIRepositorySpec{},
	"HelmRepository":        source.HelmRepositorySpec{},
	"HelmChart":             source.HelmChartSpec{},
	"Bucket":                source.BucketSpec{},
	"Kustomization":         kustomize.KustomizationSpec{},
	"HelmRelease":           helm.HelmReleaseSpec{},
	"ImageRepository":       reflector.ImageRepositorySpec{},
	"ImagePolicy":           reflector.ImagePolicySpec{},
	"ImageUpdateAutomation": automation.ImageUpdateAutomationSpec{},
	"Receiver":              notification.ReceiverSpec{},
	"Alert":                 alerting.AlertSpec{},
	"Provider":              alerting.ProviderSpec{},
}

func main() {
	found := map[string][]string{}
	for kind, spec := range kinds {
		paths := walk(reflect.TypeOf(spec), "spec", 0)
		sort.Strings(paths)
		found[kind] = paths
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		os.Exit(1)
	}
}

// walk lists the fields of a struct; what writes itself to JSON, as a duration does, is one field.
func walk(of reflect.Type, path string, depth int) []string {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	writes := reflect.TypeOf((*json.Marshaler)(nil)).Elem()
	if of.Kind() != reflect.Struct || of.Implements(writes) || reflect.PointerTo(of).Implements(writes) || depth > 6 {
		return []string{path}
	}
	paths := []string{}
	for i := range of.NumField() {
		field := of.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" || !field.IsExported() {
			continue
		}
		if name == "" && (field.Anonymous || strings.Contains(options, "inline")) {
			paths = append(paths, walk(field.Type, path, depth)...)
			continue
		}
		paths = append(paths, walk(field.Type, path+"."+name, depth+1)...)
	}
	return paths
}
