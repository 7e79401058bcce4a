using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Execution;
using Mewe.Wasm;
using Mewe.Wasm.Binary;

namespace Mewe.Linking.Preservation;

/// <summary>
/// Tells before linking which candidates of a function an engine's optimizing compiler turns into the same machine code. For a function it builds a small module: everything that the code
/// of a function depends on (types, imports, tables, memories, globals, tags, and the numbers of segments) as the original has it, the candidates, and the functions
/// that they name with nothing in their bodies. One object serves all functions of a module, on many threads.
/// </summary>
public sealed class CompiledVariants
{
    private static readonly FunctionBody Empty = new(new FunctionCode([], [Instruction.Of(Opcode.Unreachable), Instruction.Of(Opcode.End)]));

    private readonly WasmModule frame;
    private readonly ImmutableArray<uint> functionTypes;
    private readonly uint imported;
    private readonly ImmutableArray<uint> namedByFrame;

    /// <summary>Prepares what all functions share.</summary>
    /// <param name="module">The original module; it is not changed, and must not change.</param>
    public CompiledVariants(WasmModule module)
    {
        functionTypes = module.AllFunctionTypes();
        imported = (uint)module.ImportedFunctionCount;
        frame = FrameOf(module);
        var initializers = frame.Globals.Select(global => global.Initializer).Concat(frame.Tables.Select(table => table.Initializer).OfType<ConstantExpression>());
        namedByFrame = [.. initializers.SelectMany(initializer => initializer.Code).Where(IsNamed).Select(instruction => instruction.Index)];
    }

    /// <summary>Compiles versions of a function and numbers their machine codes.</summary>
    /// <param name="engine">Must show its machine code.</param>
    /// <param name="function">The function's index in the original module.</param>
    /// <param name="versions">The original's code, usually, and the candidates.</param>
    /// <returns>For each version a number that versions with the same code share: 0 for the first, and so on in the order of first appearance.</returns>
    public async Task<EngineResult<ImmutableArray<int>>> GroupAsync(
        IWasmEngine engine, uint function, IReadOnlyList<VariantCode> versions, CancellationToken cancellationToken)
    {
        var (module, indices) = Build(function, versions);
        var compiled = await engine.MachineCodeAsync(ModuleWriter.Write(module), cancellationToken).ConfigureAwait(false);
        if (!compiled.TryGet(out var code, out var failure))
        {
            return failure;
        }

        if (code.Rejection is { } rejection)
        {
            throw new ArgumentException($"a version of function {function} is not valid: {rejection}", nameof(versions));
        }

        FunctionMachineCode At(uint index) => code.Functions[(int)(index - imported)];
        var identities = indices.Select((index, version) =>
            CodeIdentity.Of(At(index), Enumerable.Range(1, versions[version].Outlined.Length).Select(outlined => At(index + (uint)outlined))));
        return CodeIdentity.Number(identities).ToImmutableArray();
    }

    private static WasmModule FrameOf(WasmModule module)
    {
        var frame = new WasmModule();
        Add(frame.TypeGroups, module.TypeGroups);
        Add(frame.Imports, module.Imports);
        Add(frame.Tables, module.Tables);
        Add(frame.Memories, module.Memories);
        Add(frame.Tags, module.Tags);
        Add(frame.Globals, module.Globals);

        // Nothing runs, so segments need no content. In the binary format 1 and 5 are passive segments: of data, and of expressions of a type.
        Add(frame.Elements, module.Elements.Select(element => new ElementSegment(5, SegmentMode.Passive, 0, null, element.Type, default, [])));
        if (module.DataCount is { } count)
        {
            frame.DataCount = count;
            Add(frame.Data, module.Data.Select(_ => new DataSegment(1, SegmentMode.Passive, 0, null, ReadOnlyMemory<byte>.Empty)));
        }

        return frame;
    }

    private static void Add<T>(Section<T> section, IEnumerable<T> entries)
    {
        foreach (var entry in entries)
        {
            section.Add(entry);
        }
    }

    private (WasmModule Module, List<uint> Indices) Build(uint function, IReadOnlyList<VariantCode> versions)
    {
        // The functions that are named keep their order and follow the imports.
        var named = versions.SelectMany(version => version.Outlined.Select(outlined => outlined.Code).Prepend(version.Code))
            .SelectMany(code => code.Instructions).Where(IsNamed).Select(instruction => instruction.Index).Concat(namedByFrame)
            .Where(index => index >= imported && index < VariantCode.OutlinedBase).Distinct().Order().ToList();
        var moved = named.Select((index, position) => (index, position)).ToDictionary(pair => pair.index, pair => imported + (uint)pair.position);
        var module = frame.Clone();
        var blind = (uint)module.AllGlobals().Length;
        foreach (var index in named)
        {
            module.AddFunction(functionTypes[(int)index], Empty);
        }

        for (var i = 0; i < module.Globals.Count; i++)
        {
            module.Globals[i] = module.Globals[i] with { Initializer = Rename(module.Globals[i].Initializer) };
        }

        for (var i = 0; i < module.Tables.Count; i++)
        {
            module.Tables[i] = module.Tables[i].Initializer is { } initializer ? module.Tables[i] with { Initializer = Rename(initializer) } : module.Tables[i];
        }

        if (versions.Any(version => version.IsBlinded))
        {
            module.Globals.Add(new Global(new GlobalType(ValueType.I64, true), ConstantExpression.Of(Instruction.I64Const(0))));
        }

        // A body may take references only of functions that are named outside of bodies; 3 is a declarative segment of indices.
        var declared = Enumerable.Range((int)imported, named.Count).Select(index => (uint)index).Concat(Enumerable.Range(0, (int)imported).Select(index => (uint)index));
        module.Elements.Add(new ElementSegment(3, SegmentMode.Declarative, 0, null, ValueType.Ref(HeapType.Func, false), [.. declared], default));

        var next = imported + (uint)named.Count;
        var indices = new List<uint>();
        foreach (var version in versions)
        {
            var first = next;
            indices.Add(first);
            module.AddFunction(functionTypes[(int)function], Renamed(version.Code, first));
            foreach (var outlined in version.Outlined)
            {
                module.AddFunction(module.IndexOfType(outlined.Type), Renamed(outlined.Code, first));
            }

            next += 1 + (uint)version.Outlined.Length;
        }

        return (module, indices);

        ConstantExpression Rename(ConstantExpression expression) =>
            expression.Code.Any(IsNamed) ? new ConstantExpression([.. expression.Code.Select(instruction => RenamedInstruction(instruction, 0))]) : expression;

        FunctionBody Renamed(FunctionCode code, uint first) =>
            new(code.Instructions.Any(instruction => IsNamed(instruction) || VariantCode.NamesBlindWord(instruction)) ? new FunctionCode(code.Locals, [.. code.Instructions.Select(instruction => RenamedInstruction(instruction, first))]) : code);

        Instruction RenamedInstruction(Instruction instruction, uint first) => VariantCode.NamesBlindWord(instruction) ? instruction.WithIndex(blind)
            : !IsNamed(instruction) ? instruction
            : instruction.Index >= VariantCode.OutlinedBase ? instruction.WithIndex(first + 1 + (instruction.Index - VariantCode.OutlinedBase))
            : instruction.WithIndex(moved.GetValueOrDefault(instruction.Index, instruction.Index));
    }

    private static bool IsNamed(Instruction instruction) => FunctionIndexShift.RefersToFunction(instruction.Opcode);
}
