using System.Collections.Frozen;
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
    private readonly BlindWord? blind;
    private readonly ChoiceCode? chooser;
    private readonly List<EntryWrapper> wrappers = [];
    private readonly List<MultivariantFunction> linked = [];
    private readonly List<string> notes = [];

    /// <param name="functions">Checked, in ascending order.</param>
    public Linkage(WasmModule original, ImmutableArray<FunctionVariants> functions, LinkOptions options)
    {
        (this.original, this.functions, this.options) = (original, functions, options);
        sourceHash = BuildConstants.SourceHash(original);
        constants = new BuildConstants(sourceHash, options.Seed);
        HasVariants = functions.Any(function => !function.Variants.IsEmpty);
        var modes = functions.Where(function => !function.Variants.IsEmpty).Select(function => DispatchOf(function).Mode).ToHashSet();
        modes.ExceptWith([DispatchMode.Forced, DispatchMode.Direct, DispatchMode.Steered]);
        plan = modes.Count > 0 ? RandomnessPlan.Decide(original, options.Randomness) : RandomnessPlan.None;
        shift = plan.AddedImport is null ? FunctionIndexShift.None : new FunctionIndexShift((uint)original.ImportedFunctionCount, 1);
        module = original.Clone();
        foreach (var body in HasVariants ? original.Bodies : [])
        {
            var code = body.Decode();
            tailCalls |= DispatcherCode.MakesTailCalls(code);
            referenced.UnionWith(code.Instructions.Where(instruction => instruction.Opcode == Opcode.RefFunc).Select(instruction => instruction.Index));
        }

        if (functions.Any(function => function.Variants.Any(variant => variant.Code.IsBlinded)))
        {
            blind = new BlindWord(new AppendedCode(module).Global64(constants.BlindWord), constants.BlindWord);
        }

        if (plan.Mode != RandomnessMode.None)
        {
            var import = AddImport() ?? plan.ExistingImport;
            chooser = new ChoiceCode(module, plan.Mode, options.Generator, constants, import, modes, CountsDrawn(), blind);
        }
    }

    private bool HasVariants { get; }

    private HashSet<int> CountsDrawn() =>
        [.. functions.Where(function => !function.Variants.IsEmpty && (DispatchOf(function).Mode is DispatchMode.Call or DispatchMode.Periodic)).Select(function => 1 + function.Variants.Length)];

    /// <summary>Function indices from here on are not imports.</summary>
    private uint FirstDefined => (uint)module.ImportedFunctionCount;

    public LinkResult Link()
    {
        shift.ApplyTo(module);
        chooser?.Append();
        AddWrappers();
        Place();
        var bodies = Bodies();
        for (var i = 0; i < functions.Length; i++)
        {
            if (!functions[i].Variants.IsEmpty)
            {
                linked[i] = AddBodies(new LinkedFunction(functions[i], linked[i]), bodies);
            }
        }

        var empty = AddEmptyFunctions();
        var map = new MultivariantMap
        {
            Policy = options.Policy,
            ForcedChoice = options.Policy == DispatchPolicy.Forced ? options.ForcedChoice : 0,
            Randomness = plan.Mode,
            Generator = options.Generator,
            AddedImport = shift.IsNone ? null : shift.First,
            Blind = blind?.Global,
            Generated = [.. chooser?.Functions ?? []],
            Wrappers = [.. wrappers],
            Functions = [.. linked],
            EmptyFunctions = (uint)empty,
        };
        RewriteCustomSections(map);
        module.SetCustom(MeweSection.Name, new MeweSection
        {
            ToolVersion = options.ToolVersion,
            SourceSha256 = Convert.ToHexStringLower(sourceHash),
            Seed = options.Seed,
            Options = options.RecordedOptions,
            Plan = options.Plan,
            Map = map,
        }.Write());
        var bytes = ModuleWriter.Write(module);
        return bytes.Length <= Limits.MaxModuleBytes
            ? new LinkResult(bytes, map) { Notes = [.. notes] }
            : throw new LinkException(LinkErrorKind.LimitExceeded, $"the multivariant module would have {bytes.Length} bytes, the limit is {Limits.MaxModuleBytes}");
    }

    private int AddEmptyFunctions()
    {
        var count = InliningBudget.Matters(options.Policy) ? InliningBudget.EmptyFunctions(original, module) : 0;
        if (count > 0)
        {
            var (type, body) = (module.IndexOfType(AppendedCode.Bare), new FunctionBody(new FunctionCode([], [Instruction.Of(Opcode.End)])));
            for (var i = 0; i < count; i++)
            {
                module.AddFunction(type, body);
            }
        }

        return count;
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
        var perEntry = chooser?.KeepsEntry == true;
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
        var index = module.AddFunction(type, chooser!.WrapperBody(module.FunctionTypeAt(type).Parameters.Length, function, isStart));
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

    /// <summary>How calls of a function are dispatched: as the policy says for all, or as the plan says for this one.</summary>
    private FunctionDispatch DispatchOf(FunctionVariants function)
    {
        return options.Policy switch
        {
            DispatchPolicy.Call => Every(DispatchMode.Call),
            DispatchPolicy.Entry => Every(DispatchMode.Entry) with { Bound = function.Dispatch is { Bound: true } },
            DispatchPolicy.Instance => Every(DispatchMode.Instance) with { Bound = function.Dispatch is { Bound: true } },
            DispatchPolicy.Forced => Every(DispatchMode.Forced),
            DispatchPolicy.Steered => Every(DispatchMode.Steered),
            DispatchPolicy.Auto => function.Dispatch ?? new FunctionDispatch(DispatchMode.Call),
            _ => throw new ArgumentOutOfRangeException(nameof(function), options.Policy, "no such policy"),
        };

        FunctionDispatch Every(DispatchMode mode) => new(mode) { Form = function.Dispatch?.Form ?? default };
    }

    /// <summary>Gives every original and variant its index, before any body is written: bodies may name each other.</summary>
    private void Place()
    {
        var next = (uint)module.FunctionCount;
        foreach (var function in functions)
        {
            var index = shift.Apply(function.Function);
            if (function.Variants.IsEmpty)
            {
                linked.Add(new MultivariantFunction(index, null, function.Reason, []));
                continue;
            }

            var dispatch = DispatchOf(function);
            uint? appended = dispatch.Mode == DispatchMode.Direct ? null : next++;
            var variants = ImmutableArray.CreateBuilder<MultivariantVariant>(function.Variants.Length);
            foreach (var variant in function.Variants)
            {
                var first = next;
                next += 1 + (uint)variant.Code.Outlined.Length;
                variants.Add(new MultivariantVariant(first, [.. Enumerable.Range(1, variant.Code.Outlined.Length).Select(i => first + (uint)i)], variant.Steps, variant.Evidence));
            }

            linked.Add(new MultivariantFunction(index, appended, function.Reason, variants.MoveToImmutable())
            {
                Dispatch = dispatch,
                Inlines = InlinesCalls ? [.. function.Inlines.Order().Select(shift.Apply)] : [],
            });
        }
    }

    private static uint[] ChoicesOf(MultivariantFunction function) => [.. Enumerable.Range(0, function.ChoiceCount).Select(function.FunctionOf)];

    /// <summary>How bodies are written, once every function has its place.</summary>
    private LinkedBodies Bodies()
    {
        var placed = functions.Zip(linked, (function, place) => new LinkedFunction(function, place)).Where(function => !function.Variants.Variants.IsEmpty).ToFrozenDictionary(function => function.Index);
        var called = InlinesCalls ? placed.Values.SelectMany(function => function.Variants.Inlines).Where(placed.ContainsKey).Distinct() : [];
        return new LinkedBodies(original, shift, blind,
            new BoundCalls(constants, placed.Values.Where(function => function.Place.Dispatch.Bound).Select(function => KeyValuePair.Create(function.Index, ChoicesOf(function.Place)))),
            new InlinedCalls(constants, called.Select(callee => (callee, original.TypeOfFunction(callee),
                placed[callee].Variants.Variants.Select(variant => variant.Code.Code).Prepend(original.Bodies[(int)callee - original.ImportedFunctionCount].Decode())))),
            placed);
    }

    /// <summary>Who forces or steers choices wants every call to go through its dispatcher.</summary>
    private bool InlinesCalls => options.Policy is not (DispatchPolicy.Forced or DispatchPolicy.Steered);

    /// <summary>Appends the bodies of a function in the order in which <see cref="Place"/> gave them their indices, and puts the dispatcher in the function's place.</summary>
    /// <returns>The function's place, with what was inlined.</returns>
    private MultivariantFunction AddBodies(LinkedFunction function, LinkedBodies bodies)
    {
        var place = function.Place;
        var type = TypeOf(place.Index);
        var body = (int)(place.Index - FirstDefined);
        var (code, sites) = bodies.Original(function, module.Bodies[body]);
        if (place.Original is not null)
        {
            module.AddFunction(type, code);
        }
        else if (!ReferenceEquals(code, module.Bodies[body]))
        {
            module.Bodies[body] = code;
        }

        var variants = ImmutableArray.CreateBuilder<MultivariantVariant>(place.Variants.Length);
        for (var i = 0; i < place.Variants.Length; i++)
        {
            var (variant, variantSites, outlined) = bodies.Variant(function, i + 1);
            module.AddFunction(type, variant);
            foreach (var (helper, helperBody) in function.Variants.Variants[i].Code.Outlined.Zip(outlined))
            {
                module.AddFunction(module.IndexOfType(helper.Type), helperBody);
            }

            variants.Add(place.Variants[i] with { Inlined = variantSites });
        }

        if (place.Original is not null)
        {
            module.Bodies[body] = Dispatcher(function.Variants, place, type);
        }

        return place with { Inlined = sites, Variants = variants.MoveToImmutable() };
    }

    private FunctionBody Dispatcher(FunctionVariants function, MultivariantFunction place, uint type)
    {
        var choices = ChoicesOf(place);
        var bodies = place.Dispatch.Form == DispatchForm.Inlined ? choices.Select(choice => module.Bodies[(int)(choice - FirstDefined)].Decode()).ToList() : null;
        return DispatcherCode.Write(module.FunctionTypeAt(type), choices, tailCalls, place.Dispatch.Form, code =>
        {
            switch (place.Dispatch.Mode)
            {
                case DispatchMode.Forced:
                    code.I32((int)Math.Min(options.ForcedChoice, (uint)choices.Length - 1));
                    break;
                case DispatchMode.Steered:
                    code.GetGlobal(Steering(function.Function));
                    break;
                default:
                    chooser!.EmitChoice(code, place.Dispatch, choices.Length, function.Function);
                    break;
            }
        }, bodies);
    }

    /// <summary>The exported global that holds the choice of a function whose dispatcher is steered.</summary>
    private uint Steering(uint function)
    {
        var global = new AppendedCode(module).Global32(0);
        module.Exports.Add(new Export(MultivariantLinker.SteeringExport(function), ExternKind.Global, global));
        return global;
    }

    private void RewriteCustomSections(MultivariantMap map)
    {
        if (!HasVariants)
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

    private IEnumerable<(uint Index, string Name)> AppendedGlobals() =>
        [.. blind is null ? [] : new[] { (blind.Global, BlindWord.Name) }, .. chooser?.Globals ?? []];

    private byte[]? RewriteNames(NameSection? names, MultivariantMap map)
    {
        if (names is null)
        {
            return null;
        }

        MultivariantNames.Shift(names, shift);
        MultivariantNames.Add(names, map, AppendedGlobals(), function => module.TypeOfFunction(function).Parameters.Length);
        if (map.AddedImport is { } added)
        {
            names.Functions[added] = $"{plan.AddedImport!.Value.Module}.{plan.AddedImport.Value.Name}";
        }

        return names.ToBytes();
    }

    private byte[]? RewriteBranchHints(CustomSection section, MultivariantMap map)
    {
        var originals = map.Functions.Where(function => !function.Variants.IsEmpty).ToDictionary(function => function.Index, function => (Index: function.Original ?? function.Index, function.Inlined));
        var imported = (uint)original.ImportedFunctionCount;
        return BranchHints.TryRewrite(section.Bytes, function =>
        {
            if (function < imported || function >= (uint)original.FunctionCount)
            {
                return null;
            }

            var (index, inlined) = originals.GetValueOrDefault(shift.Apply(function), (shift.Apply(function), InlinedSites.None));
            return (index, original.Bodies[(int)(function - imported)], module.Bodies[(int)(index - FirstDefined)], inlined);
        });
    }
}
