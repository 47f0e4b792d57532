from pack_store import PackStore
from st2common.runners.base_action import Action

PYTHON_2 = (
    "Pack %s says that it only supports Python 2. Its files are converted to Python 3 when they are loaded; the log says which."
)


class GetPackWarnings(Action):
    def run(self, packs_status):
        store = PackStore()
        warnings = []
        for pack, status in (packs_status or {}).items():
            manifest = store.manifest_of(pack) if "success" in status.lower() else None
            if manifest and {str(version) for version in manifest.get("python_versions") or []} == {"2"}:
                warnings.append(PYTHON_2 % manifest.get("name", pack))
        return {"warning_list": warnings}
