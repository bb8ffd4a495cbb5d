def _extract_filtered(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: str) -> None:
    """Take one member out; where Python has no extraction filters, only what is a plain file or a folder."""
    if hasattr(tarfile, "data_filter"):
        tar.extract(member, folder, filter="data")
        return
    if not (member.isreg() or member.isdir()):
        raise TarPathTraversalError(f"{member.name} is no file and no folder")
    member.mode = 0o755 if member.isdir() else 0o644
    tar.extract(member, folder)
