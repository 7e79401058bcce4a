using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Mewe.Execution.Wasmtime.Native;

namespace Mewe.Execution.Wasmtime;

/// <summary>
/// Ends the WebAssembly code of one store from outside. The code looks at the engine's epoch at every loop and function; when the epoch has moved on, the library calls back and asks whether this store is meant.
/// </summary>
/// <remarks>
/// So a request that is ended costs all others one callback, and none of them its life. Whoever asks sets the flag, and then the epoch moves until the store is gone: a store that was looking at the flag just before it was
/// set looks again at the next move.
/// </remarks>
internal sealed class Interruption : IDisposable
{
    private static readonly TimeSpan BetweenMoves = TimeSpan.FromMilliseconds(10);

    private readonly Lock gate = new();
    private readonly Compiler compiler;
    private GCHandle self;
    private Interruption? heir;
    private Timer? moving;
    private volatile bool requested;

    public Interruption(Compiler compiler)
    {
        this.compiler = compiler;
        self = GCHandle.Alloc(this);
    }

    /// <summary>Whether the store is to end.</summary>
    public bool Requested => requested;

    /// <summary>The store's code ends at its next look at the epoch.</summary>
    public void Request()
    {
        lock (gate)
        {
            if (!self.IsAllocated)
            {
                return;
            }

            requested = true;
            moving ??= new Timer(static engine => ((Compiler)engine!).MoveEpoch(), compiler, TimeSpan.Zero, BetweenMoves);
            heir?.Request();
        }
    }

    /// <summary>The store goes on as if nobody had asked: for one that outlives the request that was to end.</summary>
    public void Forget()
    {
        lock (gate)
        {
            requested = false;
            moving?.Dispose();
            moving = null;
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

    /// <summary>Called wherever the host begins something that may take long.</summary>
    /// <exception cref="EngineStoppedException">The store is to end.</exception>
    public void ThrowIfRequested()
    {
        if (requested)
        {
            throw new EngineStoppedException(EngineFailureKind.Hung, "interrupted");
        }
    }

    /// <summary>Only after the store is gone.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            moving?.Dispose();
            self.Free();
        }
    }

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
