using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Mewe.Execution.Wasmtime.Native;
using Mewe.Wasm;

namespace Mewe.Execution.Wasmtime;

/// <summary>A function that the host provides. Arguments that its importer does not declare are 0.</summary>
/// <param name="arguments">The arguments' bits; an i32 is zero-extended.</param>
/// <returns>The result, for importers that declare one.</returns>
/// <exception cref="HostTrapException">The caller traps.</exception>
internal delegate uint HostFunction(ReadOnlySpan<ulong> arguments);

/// <summary>A host function ends its caller. Thrown in host functions only, and turned into a trap before it reaches WebAssembly.</summary>
internal sealed class HostTrapException(string message) : Exception(message);

/// <summary>Makes functions of the host out of delegates. What one throws becomes a trap of its caller, which a module cannot catch.</summary>
internal static unsafe class HostFunctions
{
    private const int MostArguments = 16;

    /// <summary>
    /// A function of the type that the importer declares, as JavaScript functions fit any type; null where the type has something other than integers or floats as parameters, or a result that is no single i32.
    /// </summary>
    public static Extern? TryMake(Store store, FunctionType type, HostFunction function)
    {
        if (type.Parameters.Length > MostArguments || type.Parameters.Any(parameter => !parameter.IsScalar) || type.Results.Length > 1
            || type.Results.Any(result => result != Wasm.ValueType.I32))
        {
            return null;
        }

        var bound = new Binding(store, function, type.Parameters, type.Results.Length > 0);
        store.Own(bound);
        var parameters = Types(type.Parameters);
        var results = Types(type.Results);
        var functionType = Api.NewFunctionType(ref parameters, ref results);
        StoreItem made;
        Api.NewFunction(store.Context, functionType, &OnCall, bound.Pointer, 0, &made);
        Api.DeleteFunctionType(functionType);
        return new Extern { Kind = ExternTag.Function, First = made.Store, Second = made.Item };
    }

    private static PointerVector Types(ImmutableArray<Wasm.ValueType> types)
    {
        var owned = stackalloc nint[MostArguments];
        for (var i = 0; i < types.Length; i++)
        {
            owned[i] = Api.NewValueType((byte)(types[i] == Wasm.ValueType.I32 ? ValueTag.I32 : types[i] == Wasm.ValueType.I64 ? ValueTag.I64
                : types[i] == Wasm.ValueType.F32 ? ValueTag.F32 : ValueTag.F64));
        }

        Api.NewValueTypes(out var vector, (nuint)types.Length, owned);
        return vector;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint OnCall(nint data, nint caller, RawValue* values, nuint count)
    {
        var bound = (Binding)GCHandle.FromIntPtr(data).Target!;
        try
        {
            Span<ulong> arguments = stackalloc ulong[MostArguments];
            arguments.Clear();
            for (var i = 0; i < bound.Parameters.Length; i++)
            {
                arguments[i] = bound.Parameters[i] == Wasm.ValueType.I32 ? (uint)values[i].Low : values[i].Low;
            }

            var result = bound.Function(arguments);
            if (bound.HasResult)
            {
                values[0] = new RawValue { Low = result };
            }

            return 0;
        }
        catch (Exception exception)
        {
            // Nothing may be thrown through WebAssembly.
            bound.Store.HostTrap = new WasmTrap(TrapKind.Host, exception.Message);
            var message = Encoding.UTF8.GetBytes(exception.Message);
            fixed (byte* text = message)
            {
                return Api.NewTrap(text, (nuint)message.Length);
            }
        }
    }

    /// <summary>What the library's pointer stands for; freed with its store.</summary>
    private sealed class Binding : IDisposable
    {
        private GCHandle self;

        public Binding(Store store, HostFunction function, ImmutableArray<Wasm.ValueType> parameters, bool hasResult)
        {
            Store = store;
            Function = function;
            Parameters = parameters;
            HasResult = hasResult;
            self = GCHandle.Alloc(this);
        }

        public Store Store { get; }

        public HostFunction Function { get; }

        public ImmutableArray<Wasm.ValueType> Parameters { get; }

        public bool HasResult { get; }

        public nint Pointer => GCHandle.ToIntPtr(self);

        public void Dispose() => self.Free();
    }
}
