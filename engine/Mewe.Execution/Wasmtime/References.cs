using Mewe.Execution.Wasmtime.Native;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Execution.Wasmtime;

/// <summary>Why arguments cannot be passed.</summary>
/// <param name="Unsupported">The engine's interface cannot carry the value; otherwise the caller gave what does not fit.</param>
/// <param name="Message">For a person.</param>
internal sealed record ArgumentProblem(bool Unsupported, string Message);

/// <summary>Values on their way into and out of a store. References of the host are external references with a number; a small module
/// turns them into internal ones and back, and tells internal references apart (the library's own <c>wasmtime_anyref_is_i31</c> takes references of the host for i31 ones, seen with 50.0.0).</summary>
internal sealed unsafe class References(Store store)
{
    private static readonly byte[] ConverterBytes = BuildConverter();

    private Instance? converter;

    /// <summary>Translates arguments; the caller unroots them with <see cref="Unroot"/>. Null where they do not fit.</summary>
    public Value[]? Place(WasmModule module, ReadOnlySpan<Wasm.ValueType> types, ReadOnlySpan<WasmValue> given, out ArgumentProblem? problem)
    {
        problem = null;
        if (types.Length != given.Length)
        {
            problem = new ArgumentProblem(false, $"{types.Length} arguments are expected and {given.Length} were given");
            return null;
        }

        var placed = new Value[types.Length];
        for (var i = 0; i < placed.Length; i++)
        {
            problem = TryPlace(module, types[i], given[i], i, out placed[i]);
            if (problem is not null)
            {
                Unroot(placed.AsSpan(0, i));
                return null;
            }
        }

        return placed;
    }

    /// <summary>Translates results and unroots them.</summary>
    public WasmValue[] Take(Span<Value> values)
    {
        var taken = new WasmValue[values.Length];
        for (var i = 0; i < taken.Length; i++)
        {
            taken[i] = Read(ref values[i]);
        }

        Unroot(values);
        return taken;
    }

    /// <summary>Lets go of the references among the values.</summary>
    public static void Unroot(Span<Value> values)
    {
        foreach (ref var value in values)
        {
            if (value.Kind > ValueTag.FuncRef && value.Low != 0)
            {
                Api.Unroot(ref value);
                value = default;
            }
        }
    }

    /// <summary>To which of the four hierarchies a reference type belongs.</summary>
    public static ValueTag FamilyOf(WasmModule module, HeapType heap) => heap switch
    {
        { IsIndex: true } => module.Types[(int)heap.TypeIndex].Type is FunctionType ? ValueTag.FuncRef : ValueTag.AnyRef,
        _ when heap == HeapType.Func || heap == HeapType.NoFunc => ValueTag.FuncRef,
        _ when heap == HeapType.Extern || heap == HeapType.NoExtern => ValueTag.ExternRef,
        _ when heap == HeapType.Exn || heap == HeapType.NoExn => ValueTag.ExnRef,
        _ => ValueTag.AnyRef,
    };

    /// <summary>The kind of the values of a number type.</summary>
    public static WasmValueKind KindOf(Wasm.ValueType type) =>
        type == Wasm.ValueType.I32 ? WasmValueKind.I32 : type == Wasm.ValueType.I64 ? WasmValueKind.I64 : type == Wasm.ValueType.F32 ? WasmValueKind.F32
        : type == Wasm.ValueType.F64 ? WasmValueKind.F64 : WasmValueKind.V128;

    private ArgumentProblem? TryPlace(WasmModule module, Wasm.ValueType type, WasmValue given, int index, out Value placed)
    {
        placed = default;
        if (!type.IsReference)
        {
            var kind = KindOf(type);
            placed = new Value { Kind = (ValueTag)kind, Low = given.Low, High = given.High };
            return given.Kind == kind ? null : new ArgumentProblem(false, $"argument {index} must be {type}");
        }

        placed.Kind = FamilyOf(module, type.Heap);
        switch (given.Kind)
        {
            case WasmValueKind.NullRef:
                return type.IsNullable ? null : new ArgumentProblem(true, $"argument {index} must not be null");
            case WasmValueKind.HostRef when type.Heap == HeapType.Extern:
                placed = store.NewHostReference((uint)given.Low);
                return null;
            case WasmValueKind.HostRef when type.Heap == HeapType.Any:
                placed = Convert("internalize", store.NewHostReference((uint)given.Low));
                return null;
            case WasmValueKind.HostRef:
                return new ArgumentProblem(true, $"a reference of the host is no {type}");
            default:
                return new ArgumentProblem(false, $"argument {index} must be a null or a host reference");
        }
    }

    private WasmValue Read(ref Value value)
    {
        if (value.Kind <= ValueTag.V128)
        {
            var narrow = value.Kind is ValueTag.I32 or ValueTag.F32;
            return new WasmValue((WasmValueKind)value.Kind, narrow ? (uint)value.Low : value.Low, value.Kind == ValueTag.V128 ? value.High : 0);
        }

        if (value.Low == 0)
        {
            return WasmValue.Null;
        }

        fixed (ulong* reference = &value.Low)
        {
            switch (value.Kind)
            {
                case ValueTag.FuncRef:
                    return Of(WasmValueKind.FuncRef);
                case ValueTag.ExnRef:
                    return Of(WasmValueKind.ExnRef);
                case ValueTag.ExternRef:
                    return Api.ExternRefData(store.Context, reference) is var data and not 0 ? WasmValue.HostRef((uint)(data - 1)) : Of(WasmValueKind.ExternRef);
                default:
                    var kind = (WasmValueKind)(uint)Call("classify", value).Low;
                    return kind == WasmValueKind.AnyRef ? Externalized(ref value) : Of(kind);
            }
        }
    }

    // An internal reference that is nothing of WebAssembly's own: it came from the host.
    private WasmValue Externalized(ref Value value)
    {
        var external = Call("externalize", value);
        var read = Read(ref external);
        Unroot(new Span<Value>(ref external));
        return read.Kind == WasmValueKind.HostRef ? read : Of(WasmValueKind.AnyRef);
    }

    private Value Convert(string function, Value owned)
    {
        var converted = Call(function, owned);
        Unroot(new Span<Value>(ref owned));
        return converted;
    }

    private Value Call(string function, Value value)
    {
        converter ??= store.Instantiate(store.Compile(ConverterBytes).Handle, [], out _, out _);
        converter!.Value.TryGetFunction(function, out var found);
        Value result = default;
        var trap = store.Call(found, new ReadOnlySpan<Value>(in value), new Span<Value>(ref result));
        return trap is null ? result : throw new InvalidOperationException($"a reference could not be converted: {trap.Message}");
    }

    private static WasmValue Of(WasmValueKind kind) => new(kind, 0, 0);

    private static byte[] BuildConverter()
    {
        var module = new WasmModule();
        var any = Wasm.ValueType.Ref(HeapType.Any, nullable: true);
        Add("internalize", Wasm.ValueType.ExternRef, any, Instruction.Of(Opcode.AnyConvertExtern));
        Add("externalize", any, Wasm.ValueType.ExternRef, Instruction.Of(Opcode.ExternConvertAny));
        Add("classify", any, Wasm.ValueType.I32, [.. WhenIs(HeapType.I31, WasmValueKind.I31Ref), .. WhenIs(HeapType.Struct, WasmValueKind.StructRef), .. WhenIs(HeapType.Array, WasmValueKind.ArrayRef),
            Instruction.Of(Opcode.Drop), Instruction.I32Const((int)WasmValueKind.AnyRef)]);
        return ModuleWriter.Write(module);

        // Takes the parameter that LocalGet(0) put on the stack before it away, and puts it there again.
        Instruction[] WhenIs(HeapType heap, WasmValueKind kind) =>
        [
            Instruction.Of(Opcode.RefTest, new HeapTypePayload(heap)), Instruction.Block(Opcode.If, BlockType.Empty), Instruction.I32Const((int)kind), Instruction.Of(Opcode.Return),
            Instruction.Of(Opcode.End), Instruction.LocalGet(0),
        ];

        void Add(string name, Wasm.ValueType from, Wasm.ValueType to, params Instruction[] body)
        {
            var code = new FunctionCode([], [Instruction.LocalGet(0), .. body, Instruction.Of(Opcode.End)]);
            var function = module.AddFunction(module.IndexOfType(FunctionType.Of([from], [to])), new FunctionBody(code));
            module.Exports.Add(new Export(name, ExternKind.Function, function));
        }
    }
}
