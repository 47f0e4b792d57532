from pack_store import PackStore, name_of_repository, split_version
from st2common.runners.base_action import Action


class GetPackDependencies(Action):
    def run(self, packs_status, nested):
        if not packs_status or nested == 0:
            return {"dependency_list": [], "conflict_list": [], "nested": 0}
        store = PackStore()
        wanted, conflicts = [], []
        for pack, status in packs_status.items():
            manifest = store.manifest_of(pack) if "success" in status.lower() else None
            for dependency in (manifest or {}).get("dependencies") or []:
                self.look_at(store, dependency, wanted, conflicts)
        return {"dependency_list": wanted, "conflict_list": conflicts, "nested": nested - 1}

    def look_at(self, store, dependency, wanted, conflicts):
        source, version = split_version(dependency)
        installed = self.installed_version(store, name_of_repository(source))
        if installed is not None:
            is_conflict = version and version.lstrip("v") != installed
        else:
            others = [split_version(other)[1] for other in wanted if split_version(other)[0] == source]
            is_conflict = any(other != version for other in others)
        if is_conflict:
            if dependency not in conflicts:
                conflicts.append(dependency)
        elif installed is None and dependency not in wanted:
            wanted.append(dependency)

    def installed_version(self, store, name):
        """None when it is not installed. Repositories of Exchange are called stackstorm-NAME."""
        for candidate in (name, name.split("stackstorm-")[-1]):
            manifest = store.manifest_of(candidate)
            if manifest:
                return str(manifest.get("version"))
        return None
