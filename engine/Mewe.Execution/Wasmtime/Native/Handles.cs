using System.Runtime.InteropServices;

namespace Mewe.Execution.Wasmtime.Native;

/// <summary><c>wasm_engine_t</c>: a compiler with its settings. Safe to use from several threads.</summary>
internal sealed class EngineHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Api.DeleteEngine(handle);
        return true;
    }
}

/// <summary><c>wasmtime_module_t</c>: compiled code. Safe to use from several threads.</summary>
internal sealed class CodeHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Api.DeleteModule(handle);
        return true;
    }
}

/// <summary><c>wasmtime_store_t</c>: instances and what belongs to them. For one thread at a time.</summary>
internal sealed class StoreHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Api.DeleteStore(handle);
        return true;
    }
}
