// What a trigger of the Kubernetes sensor wants to hear of.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "clients/kubernetes/object_cache.hpp"
#include "value/value.hpp"

namespace squall::sensors {

inline constexpr std::string_view kKubernetesSensor = "kubernetes.KubernetesSensor";
inline constexpr std::string_view kKubernetesTriggerPrefix = "kubernetes.object_";  // + created, modified, deleted

// One watched resource: triggers with the same target share an informer and what it has seen.
struct KubernetesTarget {
  std::string context;  // of the kubeconfig; empty: the pack's config says
  std::string api_version;
  std::string resource;  // plural; empty: found by `kind`
  std::string kind;
  std::string namespace_name;  // empty: all
  std::string label_selector, field_selector;

  // The name under which its state is kept, e.g. "kubernetes/dev/squall.dev%2Fv1alpha1/databases/shop/*/*": one text a
  // target. A very long one ends in a hash.
  std::string scope() const;
  // Is it core/v1 secrets, whose values nobody is shown?
  bool is_secrets() const;
};

// Does a trigger of this event ("created", "modified" or "deleted") need whole objects to be kept, as `old_object` or
// as the last state of one that was deleted unseen? Its parameter keep_objects says so; without it, all but "created"
// do.
bool needs_kept_objects(std::string_view event, const Value& parameters);

// Reads the parameters of a trigger: {api_version | group and version, resource | kind, namespace?, label_selector?
// (text or mapping), field_selector? (text or mapping), context?, keep_objects?}. The error says what is missing or
// wrong.
Result<KubernetesTarget> parse_kubernetes_target(const Value& parameters);

}  // namespace squall::sensors
