using System.Collections.Immutable;
using Mewe.Diversify;
using Mewe.Linking.Custom;
using Mewe.Linking.Dispatch;
using Mewe.Linking.Randomness;
using Mewe.Wasm;
using Mewe.Wasm.Binary;
using Mewe.Wasm.Names;

namespace Mewe.Linking;

/// <summary>One run of the linker: the module under construction and what is known of it so far. Used once.</summary>
internal sealed class Linkage
{
    private readonly WasmModule original;
    private readonly ImmutableArray<FunctionVariants> functions;
    private readonly LinkOptions options;
    private readonly byte[] sourceHash;
    private readonly BuildConstants constants;
    private readonly RandomnessPlan plan;
    private readonly FunctionIndexShift shift;
    private readonly WasmModule module;
    private readonly bool tailCalls;
    private readonly HashSet<uint> referenced = [];
    private readonly GeneratorCode? generator;
    private readonly List<EntryWrapper> wrappers = [];
    private readonly List<MultivariantFunction> linked = [];
    private readonly List<string> notes = [];

    /// <param name="functions">Checked, in ascending order.</param>
    public Linkage(WasmModule original, ImmutableArray<FunctionVariants> functions, LinkOptions options)
    {
        (this.original, this.functions, this.options) = (original, functions, options);
        sourceHash = BuildConstants.SourceHash(original);
        constants = new BuildConstants(sourceHash, options.Seed);
        HasDispatchers = functions.Any(function => !function.Variants.IsEmpty);
        plan = HasDispatchers && options.Policy != DispatchPolicy.Forced ? RandomnessPlan.Decide(original, options.Randomness) : RandomnessPlan.None;
        shift = plan.AddedImport is null ? FunctionIndexShift.None : new FunctionIndexShift((uint)original.ImportedFunctionCount, 1);
        module = original.Clone();
        foreach (var body in HasDispatchers ? original.Bodies : [])
        {
            var code = body.Decode();
            tailCalls |= DispatcherCode.MakesTailCalls(code);
            referenced.UnionWith(code.Instructions.Where(instruction => instruction.Opcode == Opcode.RefFunc).Select(instruction => instruction.Index));
        }

        if (plan.Mode != RandomnessMode.None)
        {
            var import = AddImport() ?? plan.ExistingImport;
            generator = new GeneratorCode(module, plan.Mode, options.Policy, constants, import);
        }
    }

    private bool HasDispatchers { get; }

    /// <summary>Function indices from here on are not imports.</summary>
    private uint FirstDefined => (uint)module.ImportedFunctionCount;

    public LinkResult Link()
    {
        shift.ApplyTo(module);
        generator?.Append();
        AddWrappers();
        foreach (var function in functions)
        {
            linked.Add(function.Variants.IsEmpty
                ? new MultivariantFunction(shift.Apply(function.Function), null, function.Reason, [])
                : Diversify(function));
        }

        var map = new MultivariantMap
        {
            Policy = options.Policy,
            ForcedChoice = options.Policy == DispatchPolicy.Forced ? options.ForcedChoice : 0,
            Randomness = plan.Mode,
            AddedImport = shift.IsNone ? null : shift.First,
            Generated = [.. generator?.Functions ?? []],
            Wrappers = [.. wrappers],
            Functions = [.. linked],
        };
        RewriteCustomSections(map);
        module.SetCustom(MeweSection.Name, new MeweSection
        {
            Version = options.SectionVersion,
            ToolVersion = options.ToolVersion,
            SourceSha256 = Convert.ToHexStringLower(sourceHash),
            Seed = options.Seed,
            Options = options.RecordedOptions,
            Map = map,
        }.Write());
        var bytes = ModuleWriter.Write(module);
        return bytes.Length <= Limits.MaxModuleBytes
            ? new LinkResult(bytes, map) { Notes = [.. notes] }
            : throw new LinkException(LinkErrorKind.LimitExceeded, $"the multivariant module would have {bytes.Length} bytes, the limit is {Limits.MaxModuleBytes}");
    }

    private uint? AddImport()
    {
        if (plan.AddedImport is not { } added)
        {
            return null;
        }

        // Behind the other imports, so that only defined functions move.
        module.Imports.Add(new Import(added.Module, added.Name, new FunctionExtern(module.IndexOfType(added.Type))));
        return shift.First;
    }

    /// <summary>
    /// Puts wrappers between the host and the module: for the entry policy before every function that is exported and before the start function, for
    /// randomness from WASI before the start function. Two exports of one function stay one function.
    /// </summary>
    private void AddWrappers()
    {
        var perEntry = generator is not null && options.Policy == DispatchPolicy.Entry;
        if (perEntry)
        {
            var wrapperOf = new Dictionary<uint, uint>();
            for (var i = 0; i < original.Exports.Count; i++)
            {
                var export = module.Exports[i];
                if (export.Kind != ExternKind.Function || export.Index < FirstDefined)
                {
                    // What is imported and exported again does not enter the module.
                    continue;
                }

                if (!wrapperOf.TryGetValue(export.Index, out var wrapper))
                {
                    wrapper = AddWrapper(export.Index, isStart: false);
                    wrapperOf.Add(export.Index, wrapper);
                }

                module.Exports[i] = export with { Index = wrapper };
            }

            DeclareReferenced(wrapperOf.Keys);
        }

        if (module.Start is { } start && start >= FirstDefined && (perEntry || plan.Mode == RandomnessMode.Wasi))
        {
            module.Start = AddWrapper(start, isStart: true);
        }
    }

    private uint AddWrapper(uint function, bool isStart)
    {
        // The very type of the function, not one that looks the same: an importer may ask for it by its place in a recursion group.
        var type = TypeOf(function);
        var index = module.AddFunction(type, generator!.WrapperBody(module.FunctionTypeAt(type).Parameters.Length, function, isStart));
        wrappers.Add(new EntryWrapper(function, index, isStart));
        return index;
    }

    /// <summary>
    /// ref.func may name only functions that occur outside of bodies (specification, 3.4.1, C.REFS). A function whose only such occurrence was its export
    /// has lost it to the wrapper, so it is declared in a segment of its own.
    /// </summary>
    private void DeclareReferenced(IEnumerable<uint> wrapped)
    {
        var lost = wrapped.Where(function => referenced.Any(index => shift.Apply(index) == function)).Order().ToImmutableArray();
        if (!lost.IsEmpty)
        {
            module.Elements.Add(new ElementSegment(3, SegmentMode.Declarative, 0, null, ValueType.Ref(HeapType.Func, nullable: false), lost, default));
        }
    }

    private uint TypeOf(uint function) => module.FunctionTypes[(int)(function - FirstDefined)];

    private MultivariantFunction Diversify(FunctionVariants function)
    {
        var index = shift.Apply(function.Function);
        var type = TypeOf(index);
        var place = (int)(index - FirstDefined);
        var originalIndex = module.AddFunction(type, module.Bodies[place]);
        var variants = ImmutableArray.CreateBuilder<MultivariantVariant>(function.Variants.Length);
        foreach (var variant in function.Variants)
        {
            variants.Add(AddVariant(function, type, variant));
        }

        var result = new MultivariantFunction(index, originalIndex, function.Reason, variants.MoveToImmutable());
        var choices = Enumerable.Range(0, result.ChoiceCount).Select(result.FunctionOf).ToArray();
        module.Bodies[place] = DispatcherCode.Write(module.FunctionTypeAt(type).Parameters.Length, choices, tailCalls, code =>
        {
            if (generator is not null)
            {
                generator.EmitChoice(code, choices.Length, function.Function);
            }
            else
            {
                code.I32((int)Math.Min(options.ForcedChoice, (uint)choices.Length - 1));
            }
        });
        return result;
    }

    private MultivariantVariant AddVariant(FunctionVariants function, uint type, LinkedVariant variant)
    {
        var first = (uint)module.FunctionCount;
        var outlined = variant.Code.Outlined;
        module.AddFunction(type, Resolve(variant.Code.Code));
        foreach (var helper in outlined)
        {
            module.AddFunction(module.IndexOfType(helper.Type), Resolve(helper.Code));
        }

        return new MultivariantVariant(first, [.. Enumerable.Range(1, outlined.Length).Select(i => first + (uint)i)], variant.Steps, variant.Evidence);

        FunctionBody Resolve(FunctionCode code) => new(new FunctionCode(code.Locals, [.. code.Instructions.Select(Place)]));

        Instruction Place(Instruction instruction)
        {
            if (!FunctionIndexShift.RefersToFunction(instruction.Opcode))
            {
                return instruction;
            }

            if (instruction.Index < VariantCode.OutlinedBase)
            {
                return instruction.Index < (uint)original.FunctionCount
                    ? shift.Apply(instruction)
                    : throw MultivariantLinker.Unfit(function, $"a variant refers to function {instruction.Index}, which does not exist");
            }

            var number = instruction.Index - VariantCode.OutlinedBase;
            return number < (uint)outlined.Length
                ? instruction.WithIndex(first + 1 + number)
                : throw MultivariantLinker.Unfit(function, $"a variant refers to outlined function {number} of {outlined.Length}");
        }
    }

    private void RewriteCustomSections(MultivariantMap map)
    {
        if (!HasDispatchers)
        {
            return;
        }

        var hadNames = false;
        for (var i = 0; i < module.Layout.Count; i++)
        {
            if (module.Layout[i].Custom is not { } section)
            {
                continue;
            }

            var fate = CustomSections.FateOf(section.Name, !shift.IsNone);
            var rewritten = fate switch
            {
                CustomSectionFate.Rewritten when section.Name == CustomSections.Name => hadNames ? null : RewriteNames(NameSection.TryRead(section.Bytes, 0, out _), map),
                CustomSectionFate.Rewritten => RewriteBranchHints(section, map),
                _ => null,
            };
            hadNames |= section.Name == CustomSections.Name;
            if (rewritten is not null)
            {
                module.Layout[i] = new SectionPlace(SectionId.Custom, default, 0) { Custom = section with { Bytes = rewritten } };
                continue;
            }

            if (fate is CustomSectionFate.Rewritten or CustomSectionFate.Dropped)
            {
                module.Layout.RemoveAt(i--);
                notes.Add(CustomSections.Note(section.Name, CustomSectionFate.Dropped)!);
            }
            else if (CustomSections.Note(section.Name, fate) is { } note)
            {
                notes.Add(note);
            }
        }

        if (!hadNames && options.AddNames)
        {
            module.SetCustom(CustomSections.Name, RewriteNames(new NameSection(), map));
        }
    }

    private byte[]? RewriteNames(NameSection? names, MultivariantMap map)
    {
        if (names is null)
        {
            return null;
        }

        MultivariantNames.Shift(names, shift);
        MultivariantNames.Add(names, map, generator?.Globals ?? [], function => module.TypeOfFunction(function).Parameters.Length);
        if (map.AddedImport is { } added)
        {
            names.Functions[added] = $"{plan.AddedImport!.Value.Module}.{plan.AddedImport.Value.Name}";
        }

        return names.ToBytes();
    }

    private byte[]? RewriteBranchHints(CustomSection section, MultivariantMap map)
    {
        var originals = map.Functions.Where(function => function.Original is not null).ToDictionary(function => function.Index, function => function.Original!.Value);
        var imported = (uint)original.ImportedFunctionCount;
        return BranchHints.TryRewrite(section.Bytes, function =>
        {
            if (function < imported || function >= (uint)original.FunctionCount)
            {
                return null;
            }

            var index = originals.GetValueOrDefault(shift.Apply(function), shift.Apply(function));
            return (index, original.Bodies[(int)(function - imported)], module.Bodies[(int)(index - FirstDefined)]);
        });
    }
}
