//! Lengths of functions and of production code, measured on the syntax tree.

use proc_macro2::LineColumn;
use syn::{
    Attribute, Block, File, ImplItemFn, ItemFn, ItemMod, Signature, TraitItemFn,
    spanned::Spanned,
    visit::{self, Visit},
};

/// One function with its measures.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Lines between the braces of the body.
    pub(crate) body_lines: usize,
    /// Parameters, `self` included.
    pub(crate) parameters: usize,
}

/// Every function of a file that has a body, nested ones included.
pub(crate) fn functions(file: &File) -> Vec<Function> {
    let mut found = Functions(Vec::new());
    found.visit_file(file);
    found.0
}

struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, signature: &Signature, body: &Block) {
        self.0.push(Function {
            name: signature.ident.to_string(),
            body_lines: lines_apart(body.span().start(), body.span().end()).saturating_sub(1),
            parameters: signature.inputs.len(),
        });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

/// Lines inside `#[cfg(test)]` modules that are written in the file itself.
pub(crate) fn test_lines(file: &File) -> usize {
    let mut counted = TestModules(0);
    counted.visit_file(file);
    counted.0
}

struct TestModules(usize);

impl<'ast> Visit<'ast> for TestModules {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if module.attrs.iter().any(is_cfg_test) {
            self.0 += lines_apart(module.span().start(), module.span().end()) + 1;
        } else {
            visit::visit_item_mod(self, module);
        }
    }
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
}

fn lines_apart(from: LineColumn, to: LineColumn) -> usize {
    to.line.saturating_sub(from.line)
}

#[test]
fn a_body_is_measured_between_its_braces() {
    let file = syn::parse_str("impl A {\n fn one(&self, b: u8) {\n  f();\n  g();\n }\n}\nfn two() {}").unwrap();
    let one = Function { name: "one".to_owned(), body_lines: 2, parameters: 2 };
    let two = Function { name: "two".to_owned(), body_lines: 0, parameters: 0 };
    assert_eq!(functions(&file), [one, two]);
}

#[test]
fn only_test_modules_count_as_tests() {
    let file = syn::parse_str("mod a {\n}\n#[cfg(test)]\nmod tests {\n fn f() {}\n}\n").unwrap();
    assert_eq!(test_lines(&file), 4);
}
