using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Mewe.Execution.Wasmtime.Native;

namespace Mewe.Execution.Wasmtime;

/// <summary>
/// Ends the WebAssembly code of one store from outside. The code looks at the engine's epoch at every loop and function; when the epoch has moved on, the library calls back and asks whether this store is meant.
/// </summary>
/// <remarks>So a request that is ended costs all others one callback, and none of them its life. Whoever asks first sets the flag and then moves the epoch.</remarks>
internal sealed class Interruption : IDisposable
{
    private readonly Lock gate = new();
    private GCHandle self;
    private Interruption? heir;
    private volatile bool requested;

    public Interruption() => self = GCHandle.Alloc(this);

    /// <summary>Whether the store is to end.</summary>
    public bool Requested => requested;

    /// <summary>From now on the store's code ends at its next look at the epoch. The caller moves the epoch afterwards.</summary>
    public void Request()
    {
        lock (gate)
        {
            requested = true;
            heir?.Request();
        }
    }

    /// <summary>Ends another store as well: that of a session, which outlives the request. Null: from now on no other.</summary>
    public void PassTo(Interruption? other)
    {
        lock (gate)
        {
            heir = other;
            if (requested)
            {
                other?.Request();
            }
        }
    }

    /// <summary>Has a store ask this object.</summary>
    public unsafe void Watch(StoreHandle store, nint context)
    {
        Api.SetEpochCallback(store, &OnEpoch, GCHandle.ToIntPtr(self), 0);
        Api.SetEpochDeadline(context, 1);
    }

    /// <summary>Only after the store is gone.</summary>
    public void Dispose() => self.Free();

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static unsafe nint OnEpoch(nint context, nint data, ulong* delta, byte* kind)
    {
        if (GCHandle.FromIntPtr(data).Target is Interruption { Requested: false })
        {
            *delta = 1;
            *kind = 0; // go on
            return 0;
        }

        fixed (byte* message = "interrupted\0"u8)
        {
            return Api.NewError(message);
        }
    }
}

/// <summary>The request cannot be answered, whatever its module would have done: it was interrupted, or memory of the engine ran out. Caught where requests are made, and nowhere else.</summary>
internal sealed class EngineStoppedException(EngineFailureKind kind, string message) : Exception(message)
{
    public EngineFailureKind Kind => kind;
}

/// <summary>The module cannot be used for what was asked, with the reason for the caller. Caught at the end of each operation.</summary>
internal sealed class RejectedException(string message) : Exception(message);
