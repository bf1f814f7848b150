// Writes bodies of POST /prioritize as kube-scheduler's own types encode them, each with what Go reads of it: one JSON
// object a line, the same for the same version. Pods are those of every controller, with whole nodes and with names, and
// random ones whose fields are filled at will.
package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	extender "k8s.io/kube-scheduler/extender/v1"
)

// random is how many bodies have every field filled at will.
const random = 4

// line is one body and what scoring reads of it.
type line struct {
	Kubernetes string            `json:"kubernetes"`
	Pod        string            `json:"pod"`
	Labels     map[string]string `json:"labels"`
	Owner      string            `json:"owner"`
	Nodes      []string          `json:"nodes"`
	Body       json.RawMessage   `json:"body"`
}

func main() {
	version := os.Args[1]
	for _, arguments := range append(controllers(), filled()...) {
		body, err := json.Marshal(arguments)
		if err != nil {
			panic(err)
		}
		var read extender.ExtenderArgs
		if err := json.Unmarshal(body, &read); err != nil {
			panic(err)
		}
		out := line{Kubernetes: version, Pod: read.Pod.Namespace + "/" + read.Pod.Name, Labels: read.Pod.Labels, Nodes: []string{}, Body: body}
		if owner := metav1.GetControllerOf(read.Pod); owner != nil {
			out.Owner = owner.Kind + "/" + owner.Name
		}
		if read.NodeNames != nil {
			out.Nodes = append(out.Nodes, *read.NodeNames...)
		} else if read.Nodes != nil {
			for _, node := range read.Nodes.Items {
				out.Nodes = append(out.Nodes, node.Name)
			}
		}
		text, err := json.Marshal(out)
		if err != nil {
			panic(err)
		}
		fmt.Println(string(text))
	}
}

// controllers are pods as each controller makes them, with what its clients may leave out.
func controllers() []extender.ExtenderArgs {
	yes := true
	owner := func(version, kind, name string) []metav1.OwnerReference {
		return []metav1.OwnerReference{{APIVersion: version, Kind: kind, Name: name, UID: "1", Controller: &yes, BlockOwnerDeletion: &yes}}
	}
	pod := func(name, prefix string, labels map[string]string, owners []metav1.OwnerReference) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, GenerateName: prefix, Namespace: "shop", Labels: labels, OwnerReferences: owners},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{
				Name:  "main",
				Image: "registry.example/main:1",
				Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
					corev1.ResourceCPU:    resource.MustParse("250m"),
					corev1.ResourceMemory: resource.MustParse("64Mi"),
				}},
				Env: []corev1.EnvVar{{Name: "GREETING", Value: "<a href=\"x\"> & \u2028 \x7f"}},
			}}},
		}
	}
	hash := map[string]string{"app": "web", "pod-template-hash": "84cd44fcbb"}
	pods := []*corev1.Pod{
		pod("web-84cd44fcbb-dv89k", "web-84cd44fcbb-", hash, owner("apps/v1", "ReplicaSet", "web-84cd44fcbb")),
		pod("db-0", "db-", map[string]string{"app": "db"}, owner("apps/v1", "StatefulSet", "db")),
		pod("agent-x2k7p", "agent-", nil, owner("apps/v1", "DaemonSet", "agent")),
		pod("nightly-29409121-x2k7p", "nightly-29409121-", nil, owner("batch/v1", "Job", "nightly-29409121")),
		pod("cart-3-x2k7p", "cart-3-", nil, owner("v1", "ReplicationController", "cart-3")),
		pod("lonely", "", map[string]string{}, nil),
		{},
	}
	names := []string{"node-a", "node-b.example", "node-c"}
	var all []extender.ExtenderArgs
	for i, pod := range pods {
		arguments := extender.ExtenderArgs{Pod: pod}
		switch i % 3 {
		case 0:
			arguments.NodeNames = &names
		case 1:
			list := corev1.NodeList{}
			for _, name := range names {
				list.Items = append(list.Items, corev1.Node{
					ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"kubernetes.io/hostname": name}},
					Status:     corev1.NodeStatus{Allocatable: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("4")}},
				})
			}
			arguments.Nodes = &list
		default:
			arguments.Nodes = &corev1.NodeList{}
		}
		all = append(all, arguments)
	}
	return all
}

// filled are bodies whose fields are filled at will, from a fixed seed.
func filled() []extender.ExtenderArgs {
	var all []extender.ExtenderArgs
	for seed := int64(1); seed <= random; seed++ {
		filler := filler{rand.New(rand.NewSource(seed))}
		arguments := extender.ExtenderArgs{Pod: &corev1.Pod{}}
		filler.fill(reflect.ValueOf(arguments.Pod).Elem(), 0)
		if seed%2 == 0 {
			arguments.NodeNames = &[]string{"node-a", "node-b"}
		} else {
			list := corev1.NodeList{Items: make([]corev1.Node, 2)}
			filler.fill(reflect.ValueOf(&list.Items[0]).Elem(), 0)
			filler.fill(reflect.ValueOf(&list.Items[1]).Elem(), 0)
			list.Items[0].Name, list.Items[1].Name = "node-a", "node-b"
			arguments.Nodes = &list
		}
		all = append(all, arguments)
	}
	return all
}

type filler struct{ random *rand.Rand }

// fill sets a value and what it holds; deep ones stay empty more and more often, so that bodies stay small.
func (f filler) fill(value reflect.Value, depth int) {
	switch target := value.Addr().Interface().(type) {
	case *resource.Quantity:
		*target = resource.MustParse([]string{"1", "250m", "1.5", "64Mi", "128e6", "0"}[f.random.Intn(6)])
		return
	case *metav1.Time, *metav1.MicroTime, *metav1.FieldsV1:
		return
	case *intstr.IntOrString:
		*target = intstr.FromInt32(f.random.Int31n(9))
		return
	}
	if strings.Contains(value.Type().String(), "ManagedFieldsEntry") {
		return
	}
	rarely := f.random.Intn(100) < 22*(depth-1)
	switch value.Kind() {
	case reflect.Struct:
		for i := 0; i < value.NumField(); i++ {
			if value.Field(i).CanSet() {
				f.fill(value.Field(i), depth+1)
			}
		}
	case reflect.Pointer:
		if !rarely {
			value.Set(reflect.New(value.Type().Elem()))
			f.fill(value.Elem(), depth+1)
		}
	case reflect.Slice:
		if !rarely {
			value.Set(reflect.MakeSlice(value.Type(), f.random.Intn(2), 2))
			for i := 0; i < value.Len(); i++ {
				f.fill(value.Index(i), depth+1)
			}
		}
	case reflect.Map:
		if !rarely {
			value.Set(reflect.MakeMap(value.Type()))
			key, item := reflect.New(value.Type().Key()).Elem(), reflect.New(value.Type().Elem()).Elem()
			f.fill(key, depth+1)
			f.fill(item, depth+1)
			value.SetMapIndex(key, item)
		}
	case reflect.String:
		value.SetString([]string{"", "a", "app", "<b>", "\u00e4\u2028", "quote\"back\\slash"}[f.random.Intn(6)])
	case reflect.Bool:
		value.SetBool(f.random.Intn(2) == 0)
	case reflect.Int, reflect.Int32, reflect.Int64:
		value.SetInt(f.random.Int63n(100))
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		value.SetUint(uint64(f.random.Intn(100)))
	}
}
